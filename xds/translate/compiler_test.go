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
	for _, name := range []string{"sidecar-http", "sidecar-egress", "tcp-routes"} {
		t.Run(name, func(t *testing.T) {
			c, _ := readCase(t, "testdata/"+name+".in.yaml")
			rapid.Check(t, func(rt *rapid.T) {
				kept := translate.NewCompiler(options)
				snap, eps := c.Snapshot, c.Endpoints
				for range rapid.IntRange(1, 6).Draw(rt, "edits") {
					snap, eps = edited(rt, snap, *c.Snapshot), editedEndpoints(rt, eps, c.Endpoints)
					equalsNew(rt, kept.Compile(snap, eps, snap.Workloads), snap, eps)
				}
			})
		})
	}
}

func equalsNew(t *rapid.T, got map[string]translate.Result, snap *model.Snapshot, eps model.Endpoints) {
	for id, want := range translate.NewCompiler(options).Compile(snap, eps, snap.Workloads) {
		if a, b := text(t, want.Resources()), text(t, got[id].Resources()); a != b {
			t.Fatalf("%s (want -, got +):\n%s", id, cmp.Diff(a, b))
		}
		if diff := cmp.Diff(want.Problems, got[id].Problems); diff != "" {
			t.Fatalf("%s (want -, got +):\n%s", id, diff)
		}
	}
}

func text(t *rapid.T, r translate.Resources) string {
	b, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// edited is a snapshot that has some of the base's objects, and some changed.
// Lists are often those of the snapshot before.
func edited(t *rapid.T, before *model.Snapshot, base model.Snapshot) *model.Snapshot {
	s := base
	s.Routes = some(t, "routes", before.Routes, base.Routes, func(r model.RouteTable) model.RouteTable {
		r.HTTP = r.HTTP[:min(1, len(r.HTTP))]
		return r
	})
	s.Destinations = some(t, "destinations", before.Destinations, base.Destinations, func(d model.DestinationPolicy) model.DestinationPolicy {
		d.Policy.LoadBalancer = &model.LoadBalancer{Balance: model.Random}
		return d
	})
	s.Services = some(t, "services", before.Services, base.Services, func(svc model.Service) model.Service {
		svc.Addresses = []string{"10.9.8.7"}
		return svc
	})
	s.Sidecars = some(t, "sidecars", before.Sidecars, base.Sidecars, func(x model.Sidecar) model.Sidecar {
		x.Egress = x.Egress[:min(1, len(x.Egress))]
		return x
	})
	s.Authorization = some(t, "policies", before.Authorization, base.Authorization, func(p model.AuthorizationPolicy) model.AuthorizationPolicy {
		p.Action = model.Deny
		return p
	})
	if s.Mesh = before.Mesh; rapid.IntRange(0, 4).Draw(t, "the mesh changes") == 0 {
		s.Mesh.AccessLog = !s.Mesh.AccessLog
		s.Mesh.UpgradeToHTTP2 = s.Mesh.AccessLog
	}
	s.Seal()
	return &s
}

func editedEndpoints(t *rapid.T, before, base model.Endpoints) model.Endpoints {
	return some(t, "endpoints", before, base, func(e model.ServiceEndpoints) model.ServiceEndpoints {
		e.Endpoints = e.Endpoints[:len(e.Endpoints)/2]
		return e
	})
}

func some[T any](t *rapid.T, name string, before, list []*T, change func(T) T) []*T {
	if rapid.IntRange(0, 2).Draw(t, name+" change") > 0 {
		return before
	}
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
