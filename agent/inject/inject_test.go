package inject_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/krater-mesh/krater/agent/inject"
)

var update = flag.Bool("update", false, "write testdata/*.out.yaml and *.problems anew")

func options() inject.Options {
	return inject.Options{Namespace: "default", Image: "example.com/krater:1", ControlPlane: "krater.krater-system.svc:15012",
		TrustDomain: "cluster.local", Native: inject.NativeAuto}
}

// TestGolden injects testdata/CASE.in.yaml, with CASE.mesh.yaml where there is
// one, and compares with CASE.out.yaml and CASE.problems.
func TestGolden(t *testing.T) {
	inputs, err := filepath.Glob("testdata/*.in.yaml")
	if err != nil || len(inputs) < 15 {
		t.Fatalf("%d cases, error %v", len(inputs), err)
	}
	for _, in := range inputs {
		name := strings.TrimSuffix(in, ".in.yaml")
		t.Run(filepath.Base(name), func(t *testing.T) {
			data := read(t, in)
			o := options()
			var said strings.Builder
			if mesh, err := os.ReadFile(name + ".mesh.yaml"); err == nil {
				for _, p := range inject.ReadMeshConfig(inject.File{Name: "mesh.yaml", Data: mesh}, &o) {
					fmt.Fprintln(&said, p)
				}
			}
			out, problems := inject.Inject([]inject.File{{Name: "case.yaml", Data: data}}, o)
			for _, p := range problems {
				fmt.Fprintln(&said, p)
			}
			if problems.HasErrors() {
				out = nil // nothing of it is to be applied
			}
			compare(t, name+".out.yaml", out)
			compare(t, name+".problems", []byte(said.String()))
			if out == nil {
				return
			}
			strict(t, out)
			again, _ := inject.Inject([]inject.File{{Name: "case.yaml", Data: out}}, o)
			if !bytes.Equal(again, out) {
				t.Errorf("injecting the outcome changes it:\n%s", cmp.Diff(string(out), string(again)))
			}
		})
	}
}

func compare(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if len(got) == 0 {
			_ = os.Remove(path)
		} else if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil && len(got) > 0 {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (want -, got +; -update writes it anew):\n%s", path, diff)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
