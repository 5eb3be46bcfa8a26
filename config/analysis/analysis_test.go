package analysis_test

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/krater-mesh/krater/config/analysis"
	"github.com/krater-mesh/krater/config/snapshot"
	"github.com/krater-mesh/krater/config/source"
	"github.com/krater-mesh/krater/config/store"
	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

var update = flag.Bool("update", false, "write testdata/*.out.txt anew")

// TestGolden analyzes testdata/CASE.in.yaml, behind testdata/mesh.yaml, and
// compares with CASE.out.txt: first what resolving finds, then what analysis
// finds. Nothing is wrong with mesh.yaml.
func TestGolden(t *testing.T) {
	inputs, err := filepath.Glob("testdata/*.in.yaml")
	if err != nil || len(inputs) < 8 {
		t.Fatalf("%d cases, error %v", len(inputs), err)
	}
	for _, in := range inputs {
		name := strings.TrimSuffix(in, ".in.yaml")
		t.Run(filepath.Base(name), func(t *testing.T) {
			input, resolving := resolve(t, "testdata/mesh.yaml", in)
			got := lines(resolving) + "--\n" + lines(analysis.Analyze(input))
			if *update {
				if err := os.WriteFile(name+".out.txt", []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(name + ".out.txt")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s.out.txt (want -, got +; -update writes it anew):\n%s", name, diff)
			}
		})
	}
}

// TestGoodMesh: nothing is said where nothing is wrong.
func TestGoodMesh(t *testing.T) {
	input, resolving := resolve(t, "testdata/mesh.yaml")
	if got := append(resolving, analysis.Analyze(input)...); len(got) > 0 {
		t.Errorf("%s", lines(got))
	}
}

func lines(ps model.Problems) string {
	var b strings.Builder
	for _, p := range ps {
		b.WriteString(p.String() + "\n")
	}
	return b.String()
}

// now is the analysis' day.
var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func resolve(t *testing.T, files ...string) (analysis.Input, model.Problems) {
	t.Helper()
	var l source.Listing
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		objects, _, problems := crds.Parse(filepath.Base(f), data)
		l.Objects, l.Problems = append(l.Objects, objects...), append(l.Problems, problems...)
	}
	st, err := store.Open("", store.Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	applied := st.Apply(l)
	built := snapshot.Build(applied.Candidates, snapshot.Options{WorkingDir: "/mesh"})
	resolving := append(append(l.Problems, applied.Problems...), built.Problems...).Sorted()
	return analysis.Input{Snapshot: built.Snapshot, Endpoints: built.Endpoints, Entries: built.InForce, Now: now, ReadFile: readFile}, resolving
}

// readFile has testdata/certs under /certs.
func readFile(path string) ([]byte, error) {
	name, ok := strings.CutPrefix(path, "/certs/")
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: path, Err: errors.New("no such file or directory")}
	}
	return os.ReadFile(filepath.Join("testdata", "certs", name))
}
