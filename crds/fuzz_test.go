package crds_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// FuzzConvert: no input makes reading panic, an entry without errors survives
// being kept on disk, and every problem has a code and a place.
func FuzzConvert(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	opts := crds.Options{ReadFile: func(string) ([]byte, error) { return nil, errors.New("there are no files") }}
	f.Fuzz(func(t *testing.T, data []byte) {
		objects, _, problems := crds.Parse("fuzz.yaml", data)
		for _, o := range objects {
			e, ps := crds.Convert(o, opts)
			problems = append(problems, ps...)
			if d, ok := crds.Substitute(o); ok && !d.Content.Substitutes() {
				t.Errorf("the substitute of %s denies nothing", o.Ref)
			}
			if !ps.HasErrors() {
				checkKept(t, e)
			}
		}
		for _, p := range problems {
			if p.Code == "" || p.Message == "" || p.Origin.File != "fuzz.yaml" {
				t.Errorf("incomplete: %+v", p)
			}
		}
	})
}

func checkKept(t *testing.T, e crds.Entry) {
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var back crds.Entry
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if model.Hash(back.Content) != e.Version {
		t.Errorf("%s is another after it was kept: %s", e.Ref, b)
	}
}
