package snapshot_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/krater-mesh/krater/config/snapshot"
	"github.com/krater-mesh/krater/config/source"
	"github.com/krater-mesh/krater/config/store"
	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

var update = flag.Bool("update", false, "write testdata/*.out.yaml anew")

// golden is the form of an out file.
type golden struct {
	Problems  []string        `json:"problems,omitempty"`
	Snapshot  *model.Snapshot `json:"snapshot"`
	Endpoints model.Endpoints `json:"endpoints,omitempty"`
}

// TestGolden builds testdata/CASE.in.yaml, after CASE.before.yaml was in
// force where there is one, and compares with CASE.out.yaml.
func TestGolden(t *testing.T) {
	inputs, err := filepath.Glob("testdata/*.in.yaml")
	if err != nil || len(inputs) < 25 {
		t.Fatalf("%d cases, error %v", len(inputs), err)
	}
	for _, in := range inputs {
		name := strings.TrimSuffix(in, ".in.yaml")
		t.Run(filepath.Base(name), func(t *testing.T) {
			st := open(t)
			if before, err := os.ReadFile(name + ".before.yaml"); err == nil {
				build(t, st, parse("case.yaml", before))
			}
			data, err := os.ReadFile(in)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, name+".out.yaml", build(t, st, parse("case.yaml", data)))
		})
	}
}

func compare(t *testing.T, path string, g golden) {
	t.Helper()
	got, err := yaml.Marshal(g)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (want -, got +; -update writes it anew):\n%s", path, diff)
	}
}

func open(t testing.TB) *store.Store {
	t.Helper()
	st, err := store.Open("", store.Hooks{CheckRego: fakeRego, ResolveModule: fakeModule,
		ReadFile: func(path string) ([]byte, error) { return nil, errors.New("no such file: " + path) }})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func parse(file string, data []byte) source.Listing {
	objects, complete, problems := crds.Parse(file, data)
	l := source.Listing{Objects: objects, Problems: problems, Incomplete: map[string]bool{}}
	if !complete {
		l.Incomplete[file] = true
	}
	return l
}

// build does what the control plane does with a listing.
func build(t testing.TB, st *store.Store, l source.Listing) golden {
	t.Helper()
	applied := st.Apply(l)
	r := snapshot.Build(applied.Candidates, snapshot.Options{WorkingDir: "/mesh"})
	st.Commit(r.InForce)
	shown := *r.Snapshot
	shown.Version, shown.Branches = "", nil // hashes say nothing to a reader, and change with every field
	g := golden{Snapshot: &shown, Endpoints: r.Endpoints}
	all := append(append(l.Problems, applied.Problems...), r.Problems...)
	for _, p := range all.Sorted() {
		g.Problems = append(g.Problems, p.String())
	}
	return g
}

func fakeRego(p model.RegoPolicy) []store.RegoError {
	for _, m := range p.Modules {
		if strings.Contains(m.Source, "allow if {{") {
			return []store.RegoError{{Module: m.Name, Line: 2, Message: "unexpected {"}}
		}
	}
	return nil
}

func fakeModule(r store.ModuleRequest) store.ModuleAnswer {
	url := r.Filter.Module.URL
	if strings.Contains(url, "missing") {
		return store.ModuleAnswer{Code: model.CodeBadModule, Message: "no such file: " + filepath.Join(r.BaseDir, url)}
	}
	digest := "sha256:" + strings.Repeat("ab", 32)
	if pin := r.Filter.Module.Digest; pin != "" && pin != digest {
		return store.ModuleAnswer{Code: model.CodeBadModule, Message: "its digest is " + digest + ", not the pinned one"}
	}
	return store.ModuleAnswer{Module: model.Module{URL: url, Digest: digest, Size: 1234}}
}
