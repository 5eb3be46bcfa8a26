package telemetry

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/krater-mesh/krater/model"
)

func TestChoose(t *testing.T) {
	a, b := prometheus("a", "127.0.0.1:1"), prometheus("b", "127.0.0.1:2")
	moved, inUse := prometheus("a", "127.0.0.1:3"), prometheus("a", "127.0.0.1:666")
	good := file("f", "good.jsonl")
	list := func(bs ...model.TelemetryBackend) []model.TelemetryBackend { return bs }
	for name, c := range map[string]struct {
		declared, inForce, want []model.TelemetryBackend
		bad                     []string // objects with problems
	}{
		"nothing":                          {},
		"all are good":                     {declared: list(a, b, good), want: list(a, b, good)},
		"the bad one is left out":          {declared: list(inUse, b), want: list(b), bad: []string{"default/a"}},
		"its last good version stays":      {declared: list(inUse, b), inForce: list(a), want: list(a, b), bad: []string{"default/a"}},
		"an edit moves the port":           {declared: list(moved), inForce: list(a), want: list(moved)},
		"what is gone stays gone":          {declared: list(b), inForce: list(a, b), want: list(b)},
		"a port changes hands":             {declared: list(prometheus("new", a.Endpoint)), inForce: list(a), want: list(prometheus("new", a.Endpoint))},
		"two want one port":                {declared: list(a, prometheus("z", a.Endpoint)), want: list(a), bad: []string{"default/z"}},
		"the last good port is taken over": {declared: list(prometheus("0", a.Endpoint), inUse), inForce: list(a), want: list(prometheus("0", a.Endpoint)), bad: []string{"default/a"}},
	} {
		t.Run(name, func(t *testing.T) {
			held := map[string]bool{"127.0.0.1:666": true}
			for _, o := range c.inForce {
				held[o.Endpoint] = true // by our own pipelines: a check would fail
			}
			got, problems := choose(c.declared, c.inForce, func(b model.TelemetryBackend) error {
				if b.Type == model.BackendPrometheus && held[b.Endpoint] {
					return errors.New("in use")
				}
				return nil
			})
			var bad []string
			for _, p := range problems {
				bad = append(bad, p.Object.Key())
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(c.bad, bad); diff != "" {
				t.Errorf("problems (-want +got)\n%s", diff)
			}
		})
	}
}
