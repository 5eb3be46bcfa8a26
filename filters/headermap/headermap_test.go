package headermap

import (
	"slices"
	"testing"
)

func FuzzDecode(f *testing.F) {
	f.Add("")
	f.Add(string(Encode([][2]string{{"a", "b"}, {"", ""}})))
	f.Add("\xff\xff\xff\xff")
	f.Fuzz(func(t *testing.T, text string) {
		list, good := Decode(text)
		if !good {
			return
		}
		again, ok := Decode(string(Encode(list)))
		if !ok || !slices.Equal(again, list) {
			t.Errorf("%q becomes %q", list, again)
		}
	})
}
