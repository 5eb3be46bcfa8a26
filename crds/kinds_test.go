package crds_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// TestGood: objects that read without an error.
func TestGood(t *testing.T) {
	for _, file := range glob(t, "testdata/*.good.yaml") {
		for _, o := range parse(t, file) {
			e, problems := crds.Convert(o, crds.Options{})
			if problems.HasErrors() {
				t.Errorf("%s: %v", o.Origin, problems)
			}
			if e.Ref != o.Ref || e.Version == model.Hash(crds.Content{}) {
				t.Errorf("%s: empty entry %+v", o.Origin, e)
			}
		}
	}
}

// TestBad: each "# want: CODE FIELD: MESSAGE" above an object is the beginning
// of exactly one of its problems, and there are no others.
func TestBad(t *testing.T) {
	for _, file := range glob(t, "testdata/*.bad.yaml") {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		objects := parse(t, file)
		for i, doc := range strings.Split(string(data), "\n---\n") {
			_, problems := crds.Convert(objects[i], crds.Options{})
			checkWanted(t, objects[i], doc, problems)
		}
	}
}

func checkWanted(t *testing.T, o *crds.Object, doc string, problems model.Problems) {
	t.Helper()
	var got []string
	for _, p := range problems {
		line := p.Code + " " + p.Field + ": " + p.Message
		if p.Fix != "" {
			line += " (" + p.Fix + ")"
		}
		got = append(got, line)
		if p.Origin.Line == 0 || p.Object != o.Ref {
			t.Errorf("%s: no place or object: %+v", o.Origin, p)
		}
	}
	for _, line := range strings.Split(doc, "\n") {
		want, ok := strings.CutPrefix(line, "# want: ")
		if !ok {
			continue
		}
		found := false
		for i, g := range got {
			if !found && strings.HasPrefix(g, want) {
				found, got = true, append(got[:i:i], got[i+1:]...)
			}
		}
		if !found {
			t.Errorf("%s %s: missing: %s", o.Origin, o.Ref, want)
		}
	}
	for _, g := range got {
		t.Errorf("%s %s: not wanted: %s", o.Origin, o.Ref, g)
	}
}

// TestEveryKindHasExamples keeps a new kind from having none.
func TestEveryKindHasExamples(t *testing.T) {
	for _, k := range crds.Kinds() {
		if k.NotTranslated != "" {
			continue
		}
		for _, suffix := range []string{".good.yaml", ".bad.yaml"} {
			if _, err := os.Stat("testdata/" + strings.ToLower(k.Kind) + suffix); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestEveryVersion: each served version reads the same.
func TestEveryVersion(t *testing.T) {
	for _, k := range crds.Kinds() {
		for _, v := range k.APIVersions {
			o := parseText(t, "apiVersion: "+v+"\nkind: "+k.Kind+"\nmetadata: {name: x}\n")
			_, problems := crds.Convert(o, crds.Options{})
			for _, p := range problems {
				if p.Code == model.CodeUnknownKind || (p.Code == model.CodeNotSupported && p.Field == "kind") != (k.NotTranslated != "") {
					t.Errorf("%s %s: %v", v, k.Kind, p)
				}
			}
		}
	}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %v, %d files", pattern, err, len(files))
	}
	return files
}

func parse(t *testing.T, file string) []*crds.Object {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	objects, complete, problems := crds.Parse(file, data)
	if !complete || len(problems) > 0 {
		t.Fatalf("%s: %v", file, problems)
	}
	return objects
}

func parseText(t *testing.T, text string) *crds.Object {
	t.Helper()
	objects, _, problems := crds.Parse("x.yaml", []byte(text))
	if len(objects) != 1 {
		t.Fatalf("%d objects: %v", len(objects), problems)
	}
	return objects[0]
}
