package figure

import (
	"bytes"
	"math"
	"testing"
)

func TestWrite(t *testing.T) {
	var b bytes.Buffer
	err := Write(&b, []Figure{
		Of("smoke", "edit.route.median", 61.23456, "ms"),
		Of("smoke", "start.bookinfo", 21, "s").AtMost(20),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"bench":"smoke","figure":"edit.route.median","value":61.235,"unit":"ms","goal":null,"met":null}
{"bench":"smoke","figure":"start.bookinfo","value":21,"unit":"s","goal":20,"met":false}
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

func TestGoalIsMetAtItsEdge(t *testing.T) {
	if f := Of("b", "f", 20, "s").AtMost(20); !*f.Met {
		t.Error("20 is at most 20")
	}
}

func TestQuantiles(t *testing.T) {
	values := []float64{9, 1, 8, 2, 7, 3, 6, 4, 5, 10}
	for _, c := range []struct{ q, want float64 }{{0, 1}, {0.5, 5}, {0.9, 9}, {0.99, 10}, {1, 10}} {
		if got := Quantile(values, c.q); got != c.want {
			t.Errorf("quantile %v is %v, want %v", c.q, got, c.want)
		}
	}
	if got := Median(values); got != 5.5 {
		t.Errorf("median %v, want 5.5", got)
	}
	if got := Median([]float64{3, 1, 2}); got != 2 {
		t.Errorf("median %v, want 2", got)
	}
	if !math.IsNaN(Median(nil)) || !math.IsNaN(Quantile(nil, 0.5)) {
		t.Error("no values have no median")
	}
}
