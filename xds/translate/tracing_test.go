package translate

import (
	"testing"

	"github.com/krater-mesh/krater/model"
)

func TestNothingSampledIsNoTracer(t *testing.T) {
	for _, c := range []struct {
		percent float64
		traced  bool
	}{{0, false}, {1, true}, {100, true}} {
		p := &proxy{view: view{mesh: &model.Mesh{Sampling: c.percent}}, w: model.Workload{Name: "reviews-v1"}}
		if got := p.tracing(chain{direction: inbound, mtls: true}); (got != nil) != c.traced {
			t.Errorf("sampling %v %%: tracing is %v", c.percent, got)
		} else if c.traced && got.GetRandomSampling().GetValue() != c.percent {
			t.Errorf("sampling %v %% became %v", c.percent, got.GetRandomSampling())
		}
	}
}
