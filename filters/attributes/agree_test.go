package attributes

import (
	"testing"

	"github.com/krater-mesh/krater/explain"
	"github.com/krater-mesh/krater/model"
)

// FuzzConvert: the filter and what explains it, which share no code, write
// every value alike, and writing a value again changes nothing.
func FuzzConvert(f *testing.F) {
	kinds := []string{"", "string", "int", "double", "bool", "duration", "timestamp", "ip", "list"}
	for i, text := range []string{"a", "-07", "1e-7", "true", "1h2m0.5s", "2024-02-29T23:59:59.999999999-12:34", "::ffff:1.2.3.4", `["a","b c"]`, "a, b"} {
		f.Add(uint8(i), text)
	}
	f.Add(uint8('}'), "[\"0\xff\"]")
	f.Add(uint8(8), `[null,"a"]`)
	f.Fuzz(func(t *testing.T, n uint8, text string) {
		kind := kinds[int(n)%len(kinds)]
		have, ok := Convert(kind, text, n > 127)
		want, wanted := explain.Convert(model.AttributeType(kind), text, n > 127)
		if ok != wanted || ok && have != want {
			t.Fatalf("%s %q: the filter gives %q, %t; explain %q, %t", kind, text, have, ok, want, wanted)
		}
		if !ok {
			return
		}
		if again, ok := Convert(kind, have, false); !ok || again != have {
			t.Fatalf("%s %q gives %q, which gives %q, %t", kind, text, have, again, ok)
		}
	})
}
