package sdk

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestJSON(t *testing.T) {
	j, err := ParseJSON([]byte(` {"a":[1.50,true,null,"x\n"],"b":{"c":{}}} `))
	if err != nil {
		t.Fatal(err)
	}
	if have := j.Names(); !reflect.DeepEqual(have, []string{"a", "b"}) || j.Type() != "object" {
		t.Errorf("%s of %v", j.Type(), have)
	}
	a, _ := j.Field("a")
	var have []string
	for _, item := range a.Items() {
		have = append(have, item.Type()+" "+item.Text())
	}
	if want := []string{"number 1.50", "boolean true", "null ", "string x\n"}; a.Type() != "array" || !reflect.DeepEqual(have, want) {
		t.Errorf("%s of %q", a.Type(), have)
	}
	if _, ok := j.Field("c"); ok {
		t.Error("a field that is not there was found")
	}
	if _, err := ParseJSON([]byte(`{"a":1,"a":2}`)); err == nil {
		t.Error("a field given twice was read")
	}
}

// TestManyFields: those that come twice are found among few and many, and many
// cost no more than their length.
func TestManyFields(t *testing.T) {
	for _, n := range []int{1, fewNames - 1, fewNames, fewNames + 1, 200_000} {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `"%d":0,`, i)
		}
		if _, err := ParseJSON([]byte("{" + b.String() + `"x":0}`)); err != nil {
			t.Errorf("%d fields: %v", n, err)
		}
		if _, err := ParseJSON([]byte("{" + b.String() + fmt.Sprintf(`"%d":0}`, n-1))); err == nil {
			t.Errorf("of %d fields one is there twice, and was read", n)
		}
	}
}
