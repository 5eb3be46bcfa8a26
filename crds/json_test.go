package crds

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// jsonDocument draws what programs write.
func jsonDocument(t *rapid.T) []byte {
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "<<", "a: b", "# c", "é\u00a0", "\"\\/", "true", "1", "\u2028", "~", "*a", "&b", "\t", "\u007f", "😀"}))
	leaf := rapid.OneOf(text.AsAny(), rapid.Int64().AsAny(), rapid.Uint64().AsAny(), rapid.Float64().AsAny(), rapid.Bool().AsAny(), rapid.Just(any(nil)),
		rapid.SampledFrom([]any{json.Number("-0"), json.Number("1e400"), json.Number("1.50"), json.Number("1E3"), json.Number("12345678901234567890123")}))
	list := rapid.OneOf(leaf, rapid.SliceOfN(leaf, 0, 3).AsAny())
	document := rapid.MapOfN(text, rapid.OneOf(list, rapid.MapOfN(text, list, 0, 3).AsAny()), 0, 4)
	var out []byte
	var err error
	if rapid.Bool().Draw(t, "indented") {
		out, err = json.MarshalIndent(document.Draw(t, "document"), "", " ")
	} else {
		out, err = json.Marshal(document.Draw(t, "document"))
	}
	if err != nil {
		t.Skip(err)
	}
	return out
}

// TestJSONIsReadAsYAMLIs: what our reader reads, the library reads alike, and
// from the same lines.
func TestJSONIsReadAsYAMLIs(t *testing.T) {
	read := 0
	rapid.Check(t, func(t *rapid.T) {
		text := jsonDocument(t)
		got, ok := readJSON(text, 1)
		if !ok {
			return
		}
		want, err := yamlDocuments(text)
		if err != nil {
			if strings.Contains(string(text), `\ud`) {
				return // a pair of escapes, which YAML has not
			}
			t.Fatalf("the library refuses %s: %v", text, err)
		}
		if len(want) != 1 || !reflect.DeepEqual(got, want[0]) {
			t.Fatalf("%s is read as\n%+v, by the library as\n%+v", text, got.Interface(), want[0].Interface())
		}
		read++
	})
	if read < 20 {
		t.Errorf("only %d documents were read here", read)
	}
}

// TestWhatIsNoJSONIsLeftToTheLibrary.
func TestWhatIsNoJSONIsLeftToTheLibrary(t *testing.T) {
	for _, text := range []string{``, `{`, `{"a":1,}`, `{"a":1 "b":2}`, `{a: 1}`, `{"a":1}}`, `{"a":1,"a":2}`, `{"<<":{}}`, `[1,]`, `[1 2]`, `"a`, `"\`, `"\x"`, `+1`, `01`, `-0`, `1e3`, `nul`, `{"a":}`, `{"a"}`,
		"\"\x01\"", "\"\xff\"", "\"\u0085\"", "{\"a\":\r\n1}", strings.Repeat("[", 200) + strings.Repeat("]", 200)} {
		if n, ok := readJSON([]byte(text), 1); ok {
			t.Errorf("%q is read as %v", text, n.Interface())
		}
	}
}

// TestLargeLinesAreReadAsOthers, wherever they stand.
func TestLargeLinesAreReadAsOthers(t *testing.T) {
	var b strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&b, `, "user-%06d": {"role": "r%d", "n": [1, 2.5, null, true]}`, i, i%7)
	}
	large := `{"odd": 1` + b.String() + "}"
	for name, text := range map[string]string{
		"a value":        "kind: K\nspec:\n  data: " + large + "\n  more: 1\n",
		"two":            "spec:\n  data: " + large + "\n  b: " + large + " \r\nc: 1\n",
		"in a text":      "spec:\n  source: |\n    data: " + large + "\n    x\n",
		"in two ways":    "spec:\n  source: |\n    data: " + large + "\n  data: " + large + "\n",
		"with a comment": "spec:\n  data: " + large + " # why\n",
		"no JSON":        "spec:\n  data: " + strings.ReplaceAll(large, `"odd"`, "odd") + "\n",
	} {
		got, err := documents("f.yaml", []byte(text))
		want, wrong := yamlDocuments([]byte(text))
		if err != nil || wrong != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: it is read otherwise (%v, %v)", name, err, wrong)
		}
	}
	if _, values := largeValues([]byte("  data: " + large + "\n")); len(values) != 1 {
		t.Error("a large line is not read apart")
	}
}

func FuzzReadJSON(f *testing.F) {
	for _, seed := range []string{`{"a": [1, -2, 3.5, true, null, "x\u00e9\\"]}`, "[\n{}\n]", `"é"`, `{"a":{"b":{}}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		n, ok := readJSON(text, 1)
		if !ok {
			return
		}
		var want any
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatalf("%q is no JSON: %v", text, err)
		}
		got, err := json.Marshal(n.Interface())
		again, _ := json.Marshal(want)
		if err != nil || string(got) != string(again) {
			t.Fatalf("%q is read as %s, want %s", text, got, again)
		}
	})
}
