package crds

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestCompactIsJSON: the same bytes as encoding/json.
func TestCompactIsJSON(t *testing.T) {
	leaf := rapid.OneOf(rapid.String().AsAny(), rapid.Int().AsAny(), rapid.Float64Range(-1e9, 1e9).AsAny(), rapid.Bool().AsAny(), rapid.Just(any(nil)),
		rapid.SampledFrom([]string{"<a&b>", "\"\\", "é", "\u2028", "\xff", ""}).AsAny())
	deeper := rapid.OneOf(leaf, rapid.SliceOfN(leaf, 0, 4).AsAny(), rapid.MapOfN(rapid.String(), leaf, 0, 5).AsAny())
	rapid.Check(t, func(t *rapid.T) {
		v := any(rapid.MapOfN(rapid.String(), deeper, 0, 6).Draw(t, "document"))
		got, err := compact(nil, v)
		want, wrong := json.Marshal(v)
		if string(got) != string(want) || (err == nil) != (wrong == nil) {
			t.Fatalf("got  %s (%v)\nwant %s (%v)", got, err, want, wrong)
		}
	})
}

// TestLinesOfALargeDocumentAreItsOwn: nobody asks for those within, and they
// would be kept with the object.
func TestLinesOfALargeDocumentAreItsOwn(t *testing.T) {
	var b strings.Builder
	b.WriteString("apiVersion: krater.dev/v1alpha1\nkind: RegoPolicy\nmetadata: {name: n}\nspec:\n  data:\n    users:\n")
	for i := range 2 * mostLines {
		fmt.Fprintf(&b, "      u%d: {role: r}\n", i)
	}
	b.WriteString("    few: {a: 1}\n  query: data.a.b\n")
	f := ParseFile("f.yaml", []byte(b.String()), nil)
	if len(f.Objects) != 1 {
		t.Fatal(f.Problems)
	}
	o := f.Objects[0]
	for field, want := range map[string]int{"spec.data.users": 6, "spec.data.users.u77.role": 6, "spec.data.few.a": 7 + 2*mostLines, "spec.query": 8 + 2*mostLines} {
		if got := o.LineOf(field); got != want {
			t.Errorf("%s is in line %d, want %d", field, got, want)
		}
	}
	if len(o.lines) > 20 {
		t.Errorf("%d lines are kept", len(o.lines))
	}
}
