package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/crds"
)

// Every object of the sample is read, and nothing about it is wrong.
func TestConfiguration(t *testing.T) {
	kinds := map[string]int{}
	err := fs.WalkDir(os.DirFS("."), ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".yaml") {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		abs, err := filepath.Abs(path)
		if err != nil {
			return err
		}
		objects, _, problems := crds.Parse(abs, data)
		for _, o := range objects {
			_, more := crds.Convert(o, crds.Options{})
			problems = append(problems, more...)
			kinds[o.Ref.Kind]++
		}
		for _, p := range problems {
			t.Error(p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"Mesh", "Gateway", "VirtualService", "DestinationRule", "AuthorizationPolicy",
		"RegoPolicy", "RateLimit", "Filter", "AttributeSet", "TelemetryRule", "TelemetryBackend"} {
		if kinds[kind] == 0 {
			t.Errorf("no %s is declared", kind)
		}
	}
}
