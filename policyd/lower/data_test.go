package lower

import (
	"fmt"
	"math/rand"
	"reflect"
	"strings"
	"testing"
)

// TestEditedData: a document that is read after another comes to what it comes
// to by itself.
func TestEditedData(t *testing.T) {
	random := rand.New(rand.NewSource(7))
	names, values := map[string]string{}, []string{`1`, `12`, `"a"`, `{"r": ["x", "y"]}`, `[]`, `null`, `true`, `"a\"}b"`}
	text := func(order []string) string {
		var b strings.Builder
		b.WriteString(`{"big": {`)
		for i, n := range order {
			if i > 0 {
				b.WriteString([]string{",", ", ", " ,\n "}[i%3])
			}
			fmt.Fprintf(&b, "%q: %s", n, names[n])
		}
		return b.String() + `}, "small": [1, 2]}`
	}
	for i := range 500 {
		names[fmt.Sprintf("n%05d", i*2)] = values[i%len(values)]
	}
	before, ok := readData(text(sortedNames(names)), nil)
	if !ok || before.members["big"].table == nil {
		t.Fatal("it is not read as a table")
	}
	patched := 0
	for range 150 {
		order := sortedNames(names)
		switch name := order[random.Intn(len(order))]; random.Intn(4) {
		case 0:
			delete(names, name)
		case 1:
			names[fmt.Sprintf("n%05d", random.Intn(2400))] = values[random.Intn(len(values))]
		default:
			names[name] = values[random.Intn(len(values))]
		}
		next := text(sortedNames(names))
		alone, ok1 := readData(next, nil)
		after, ok2 := readData(next, before)
		if !ok1 || !ok2 {
			t.Fatalf("read %v, %v", ok1, ok2)
		}
		if patchTable(after.members["big"].text, before.members["big"]) != nil {
			patched++
		}
		a, b := alone.members["big"].table, after.members["big"].table
		if alone.object().Compare(after.object()) != 0 || !reflect.DeepEqual(a.index, b.index) {
			t.Fatal("it is another document")
		}
		for i := range a.entries {
			if a.entries[i].from != b.entries[i].from || a.entries[i].end != b.entries[i].end || a.entries[i].text != b.entries[i].text || a.entries[i].id != b.entries[i].id {
				t.Fatalf("entry %d is %+v, and %+v", i, a.entries[i], b.entries[i])
			}
		}
		before = after
	}
	if patched < 110 {
		t.Errorf("%d of 150 edits were taken over by parts", patched)
	}
}

func sortedNames(m map[string]string) []string {
	all := map[string]bool{}
	for n := range m {
		all[n] = true
	}
	return sorted(all)
}

// FuzzData: what is read by parts is what OPA reads.
func FuzzData(f *testing.F) {
	f.Add(`{"a": 1}`, `{"a": 12}`)
	f.Add(`{"a": {"b": [1, "x"]}, "c": null}`, `{"c": "\u0041"}`)
	f.Fuzz(func(t *testing.T, first, second string) {
		pad := strings.Repeat(" ", smallData)
		one, ok := readData(first+pad+"", nil)
		if !ok {
			one = nil
		}
		two, ok := readData(second, one)
		want, good := readValue(second)
		if ok && (!good || two.object().Compare(want) != 0) {
			t.Errorf("%q is read as %v, not %v", second, two.object(), want)
		}
	})
}
