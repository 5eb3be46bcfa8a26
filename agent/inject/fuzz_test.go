package inject_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/krater-mesh/krater/agent/inject"
	"go.yaml.in/yaml/v3"
)

// FuzzInject: any input is injected, passed on, or refused with a Problem; what
// comes out is YAML, and stays as it is when it is injected again.
func FuzzInject(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.in.yaml")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		out, problems := inject.Inject([]inject.File{{Name: "a.yaml", Data: data}}, options())
		if problems.HasErrors() {
			return
		}
		dec := yaml.NewDecoder(bytes.NewReader(out))
		for {
			var n yaml.Node
			if err := dec.Decode(&n); err != nil {
				if err.Error() != "EOF" {
					t.Fatalf("%v of\n%s", err, out)
				}
				break
			}
		}
		again, problems := inject.Inject([]inject.File{{Name: "a.yaml", Data: out}}, options())
		if !bytes.Equal(again, out) {
			t.Fatalf("injected again it is another:\n%s\n%s\n%v", out, again, problems)
		}
	})
}

// FuzzMeshConfig: any text is a MeshConfig, or a Problem.
func FuzzMeshConfig(f *testing.F) {
	f.Add([]byte("trustDomain: a\ndefaultConfig: {concurrency: 2}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		o := options()
		inject.ReadMeshConfig(inject.File{Name: "mesh.yaml", Data: data}, &o)
	})
}
