package crds_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/krater-mesh/krater/crds"
)

var update = flag.Bool("update", false, "write testdata/*.content.yaml anew")

// TestContent: what the objects of x.good.yaml become is x.content.yaml. Add
// a kind by adding an empty file of that name, and -update.
func TestContent(t *testing.T) {
	for _, file := range glob(t, "testdata/*.content.yaml") {
		kind := strings.TrimSuffix(filepath.Base(file), ".content.yaml")
		t.Run(kind, func(t *testing.T) { checkContent(t, file) })
	}
}

func checkContent(t *testing.T, file string) {
	var docs []string
	for _, o := range parse(t, strings.TrimSuffix(file, ".content.yaml")+".good.yaml") {
		e, _ := crds.Convert(o, crds.Options{})
		b, err := yaml.Marshal(map[string]any{"object": e.Ref.String(), "content": e.Content})
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, string(b))
	}
	got := strings.Join(docs, "---\n")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s is not what is read; -update writes it:\n%s", filepath.Base(file), got)
	}
}
