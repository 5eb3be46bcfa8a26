package translate_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/translate"
)

// TestCompilerForgetsNothingAndKeepsNothing: after any sequence of snapshots a
// compiler gives what a new one gives.
func TestCompilerForgetsNothingAndKeepsNothing(t *testing.T) {
	c, _ := readCase(t, "testdata/sidecar-http.in.yaml")
	base := *c.Snapshot
	rapid.Check(t, func(rt *rapid.T) {
		kept := translate.NewCompiler(options)
		for range rapid.IntRange(1, 6).Draw(rt, "edits") {
			snap := edited(rt, base)
			got := kept.Compile(snap, c.Endpoints, snap.Workloads)
			for _, w := range snap.Workloads {
				want, problems := translate.Translate(snap, c.Endpoints, w, options)
				if a, b := text(rt, want), text(rt, got[w.ID()].Resources()); a != b {
					rt.Fatalf("%s (want -, got +):\n%s", w.ID(), cmp.Diff(a, b))
				}
				if diff := cmp.Diff(problems, got[w.ID()].Problems); diff != "" {
					rt.Fatalf("%s (want -, got +):\n%s", w.ID(), diff)
				}
			}
		}
	})
}

func text(t *rapid.T, r translate.Resources) string {
	b, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// edited is a snapshot that has some of the base's objects, and some changed.
func edited(t *rapid.T, base model.Snapshot) *model.Snapshot {
	s := base
	s.Routes = some(t, "routes", base.Routes, func(r model.RouteTable) model.RouteTable {
		r.HTTP = r.HTTP[:1]
		return r
	})
	s.Destinations = some(t, "destinations", base.Destinations, func(d model.DestinationPolicy) model.DestinationPolicy {
		d.Policy.LoadBalancer = &model.LoadBalancer{Balance: model.Random}
		return d
	})
	s.Services = some(t, "services", base.Services, func(svc model.Service) model.Service {
		svc.Addresses = []string{"10.9.8.7"}
		return svc
	})
	s.Authorization = some(t, "policies", base.Authorization, func(p model.AuthorizationPolicy) model.AuthorizationPolicy {
		p.Action = model.Deny
		return p
	})
	s.Mesh.AccessLog = rapid.Bool().Draw(t, "access log")
	s.Seal()
	return &s
}

func some[T any](t *rapid.T, name string, list []*T, change func(T) T) []*T {
	var out []*T
	for _, item := range list {
		switch rapid.SampledFrom([]string{"keep", "keep", "change", "drop"}).Draw(t, name) {
		case "keep":
			out = append(out, item)
		case "change":
			changed := change(*item)
			out = append(out, &changed)
		}
	}
	return out
}

// TestProxiesOfAClassShare: what two proxies have in common is made once.
func TestProxiesOfAClassShare(t *testing.T) {
	c, w := readCase(t, "testdata/sidecar-http.in.yaml")
	twin := w
	twin.Name += "-twin"
	got := translate.NewCompiler(options).Compile(c.Snapshot, c.Endpoints, []model.Workload{w, twin})
	shared := 0
	for _, p := range got[w.ID()].Parts {
		for _, q := range got[twin.ID()].Parts {
			if p == q {
				shared++
			}
		}
	}
	if shared < 4 { // clusters, endpoints, virtual hosts, secrets and more
		t.Errorf("they share %d parts", shared)
	}
}
