package proxyreport

import (
	"testing"
	"time"

	"github.com/krater-mesh/krater/model"
)

func TestHeldAreThoseThatWaitedAllTheTime(t *testing.T) {
	var h Held
	at, started := time.Unix(100, 0), time.Unix(1, 0)
	for i, c := range []struct {
		after   time.Duration
		waiting int64
		want    int64
	}{
		{0, 3, 0}, {5 * time.Second, 5, 0}, {5 * time.Second, 4, 3}, {5 * time.Second, 4, 4},
		{5 * time.Second, 0, 0}, {5 * time.Second, 2, 0}, {5 * time.Second, 2, 0}, {5 * time.Second, 2, 2},
	} {
		at = at.Add(c.after)
		if got := h.Of(model.ProxyReport{At: at, Started: started, Held: c.waiting}); got != c.want {
			t.Errorf("look %d: %d are held, want %d", i, got, c.want)
		}
	}
	if got := h.Of(model.ProxyReport{At: at.Add(20 * time.Second), Started: at, Held: 9}); got != 0 {
		t.Errorf("another Envoy holds %d at once", got)
	}
}
