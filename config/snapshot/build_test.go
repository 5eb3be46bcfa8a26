package snapshot_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/krater-mesh/krater/config/snapshot"
	"github.com/krater-mesh/krater/config/store"
	"github.com/krater-mesh/krater/model"
)

// TestBuildIsDeterministic: the order of the candidates changes nothing.
func TestBuildIsDeterministic(t *testing.T) {
	inputs, err := filepath.Glob("testdata/*.in.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string][]store.Candidate{}
	for _, in := range inputs {
		cases[in] = candidates(t, strings.TrimSuffix(in, ".in.yaml"))
	}
	rapid.Check(t, func(rt *rapid.T) {
		in := rapid.SampledFrom(inputs).Draw(rt, "case")
		shuffled := rapid.Permutation(cases[in]).Draw(rt, "order")
		want := snapshot.Build(cases[in], snapshot.Options{WorkingDir: "/mesh"})
		got := snapshot.Build(slices.Clone(shuffled), snapshot.Options{WorkingDir: "/mesh"})
		if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(model.Snapshot{}, snapshot.Result{})); diff != "" {
			rt.Fatal(diff)
		}
	})
}

// candidates of a golden case.
func candidates(t *testing.T, name string) []store.Candidate {
	t.Helper()
	st := open(t)
	if before, err := os.ReadFile(name + ".before.yaml"); err == nil {
		build(t, st, parse("case.yaml", before))
	}
	data, err := os.ReadFile(name + ".in.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return st.Apply(parse("case.yaml", data)).Candidates
}

// TestBuildChangesNoCandidate: entries are shared with the store.
func TestBuildChangesNoCandidate(t *testing.T) {
	for _, name := range []string{"virtualservice", "serviceentry", "telemetry", "mesh-settings"} {
		all := candidates(t, "testdata/"+name)
		snapshot.Build(all, snapshot.Options{WorkingDir: "/mesh"})
		for _, c := range all {
			if model.Hash(c.Entry.Content) != c.Entry.Version {
				t.Errorf("%s was changed", c.Ref)
			}
		}
	}
}

// TestOneMoreWorkloadMovesNoOther: addresses and ports are stable.
func TestOneMoreWorkloadMovesNoOther(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringMatching("[a-z]{6}"), 2, 12, rapid.ID[string]).Draw(rt, "names")
		before, after := workloads(t, names[1:]), workloads(t, names)
		for _, w := range before {
			i := slices.IndexFunc(after, func(a model.Workload) bool { return a.ID() == w.ID() })
			if after[i].Address != w.Address && !taken(after, names[0], w.Address) {
				rt.Errorf("%s moved from %s to %s", w.ID(), w.Address, after[i].Address)
			}
		}
		seen := map[any]string{}
		for _, w := range after {
			for _, key := range []any{w.Address, w.Ports[0].AppPort} {
				if seen[key] != "" {
					rt.Errorf("%v is given to %s and %s", key, seen[key], w.ID())
				}
				seen[key] = w.ID()
			}
		}
	})
}

// taken tells of the rare collision: the new one came first by name.
func taken(all []model.Workload, name, address string) bool {
	return slices.ContainsFunc(all, func(w model.Workload) bool { return w.Name == name && w.Address == address })
}

func workloads(t *testing.T, names []string) []model.Workload {
	text := "apiVersion: krater.dev/v1alpha1\nkind: Mesh\nmetadata: {name: m}\nspec:\n  workloads:\n"
	for _, n := range names {
		text += "  - {name: " + n + ", ports: [{port: 80}]}\n"
	}
	return build(t, open(t), parse("case.yaml", []byte(text))).Snapshot.Workloads
}

// TestOlderObjectKeepsAHost: a new VirtualService takes no host away, though
// its name comes first; on its own it has it.
func TestOlderObjectKeepsAHost(t *testing.T) {
	const mesh = "apiVersion: krater.dev/v1alpha1\nkind: Mesh\nmetadata: {name: m}\nspec: {workloads: [{name: api, ports: [{port: 80}]}]}\n"
	vs := func(name string) string {
		return "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: " + name +
			"}\nspec: {hosts: [api], http: [{route: [{destination: {host: api}}]}]}\n"
	}
	st := open(t)
	for _, step := range []struct{ text, want string }{
		{mesh + vs("b"), "b"}, {mesh + vs("a") + vs("b"), "b"}, {mesh + vs("a"), "a"}, {mesh + vs("a") + vs("b"), "a"},
	} {
		g := build(t, st, parse("case.yaml", []byte(step.text)))
		if len(g.Snapshot.Routes) != 1 || g.Snapshot.Routes[0].Object.Name != step.want {
			t.Errorf("routes %+v, want %s's", g.Snapshot.Routes, step.want)
		}
	}
}

// TestEmpty: no configuration is a snapshot too.
func TestEmpty(t *testing.T) {
	r := snapshot.Build(nil, snapshot.Options{})
	if r.Snapshot.Version == "" || len(r.Problems) != 0 || len(r.InForce) != 0 {
		t.Errorf("%+v", r)
	}
	if r2 := snapshot.Build([]store.Candidate{}, snapshot.Options{}); r2.Snapshot.Version != r.Snapshot.Version {
		t.Error("two versions of nothing")
	}
}
