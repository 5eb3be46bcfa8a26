package crds

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// parseWhole reads a file in one piece.
func parseWhole(name string, data []byte) *File {
	nodes, err := documents(name, data)
	if err != nil {
		return ParseFile(name, data, nil) // reads it in one piece for the message
	}
	p := &parser{file: name, complete: true}
	for _, n := range nodes {
		p.document(n)
	}
	return &File{Objects: p.objects, Complete: p.complete, Problems: p.problems}
}

// TestAFileInPiecesIsTheWholeFile: over random edits, reading a file after its
// earlier text gives what reading it at once gives, lines included.
func TestAFileInPiecesIsTheWholeFile(t *testing.T) {
	pieces := []string{
		"apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n", "apiVersion: v1\nkind: Service\nmetadata: {name: b}\nspec:\n- &x {p: 1}\n- *x\n- {<<: *x}\n",
		"# only words\n", "", "\n\n", "kind: ServiceList\napiVersion: v1\nitems:\n- {apiVersion: v1, kind: Service, metadata: {name: c}}\n- {kind: Service}\n",
		"a: b\n", "apiVersion: v1\nkind: Service\nmetadata: {name: d}\ntext: |\n  ---\n  more\n   --- x\n", "a: [\n", "x: \"\n---\n\"\n",
		"apiVersion: v1\r\nkind: Service\r\nmetadata: {name: e}\r\n", "%YAML 1.1\n", "...\n", "apiVersion: v1\nkind: Service\nmetadata: {name: \"f\u2028\"}\n", "- \r\n- \r x\n",
	}
	marks := []string{"---\n", "--- # why\n", "---\r\n", "--- \n", "--- |\n", "---x\n", "", "\n"}
	random := rand.New(rand.NewPCG(3, 4))
	var texts []string
	var earlier *File
	for round := range 20_000 {
		switch at := random.IntN(len(texts) + 1); {
		case len(texts) > 6 || round%500 == 0:
			texts = nil
		case at < len(texts) && random.IntN(3) == 0:
			texts[at] = pieces[random.IntN(len(pieces))]
		default:
			texts = append(texts[:at:at], append([]string{marks[random.IntN(len(marks))] + pieces[random.IntN(len(pieces))]}, texts[at:]...)...)
		}
		data := []byte(strings.Join(texts, ""))
		got, want := ParseFile("a.yaml", data, earlier), parseWhole("a.yaml", data)
		if diff := cmp.Diff(told(want), told(got)); diff != "" {
			t.Fatalf("%q:\n%s", data, diff)
		}
		earlier = got
	}
}

// told says all that is known of a file's objects.
func told(f *File) []string {
	out := []string{fmt.Sprint(f.Complete, f.Problems)}
	for _, o := range f.Objects {
		lines := o.LineOf("metadata.name")
		out = append(out, fmt.Sprint(o.Ref, o.APIVersion, o.Origin, lines, o.At("spec[1].p"), o.At("items"), o.Root.Interface()))
	}
	return out
}

func TestWhatStaysIsTheSame(t *testing.T) {
	object := func(name string) string {
		return "---\napiVersion: v1\nkind: Service\nmetadata: {name: " + name + "}\n"
	}
	first := ParseFile("a.yaml", []byte(object("a")+object("b")+object("c")), nil)
	second := ParseFile("a.yaml", []byte(object("a")+object("new")+object("c")+object("b")), first)
	if second.Objects[0] != first.Objects[0] {
		t.Error("an object that nothing happened to was read again")
	}
	if second.Objects[2] != first.Objects[2] {
		t.Error("another object's edit moved c")
	}
	if b := second.Objects[3]; b.Root != first.Objects[1].Root || b.Origin.Line != 14 || b.LineOf("metadata") != 16 {
		t.Errorf("%+v", b)
	}
	if third := ParseFile("a.yaml", []byte(object("a")+object("new")+object("c")+object("b")), second); third.Objects[3] != second.Objects[3] {
		t.Error("an object that moved once was not kept")
	}
}
