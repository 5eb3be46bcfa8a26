package abi

import (
	"reflect"
	"testing"
)

func TestPairsComeBack(t *testing.T) {
	first, more := [][2]string{{":path", "/"}, {"empty", ""}}, [][2]string{{"", "nameless"}}
	b := appendPairs(nil, first, more)
	if have, want := splitPairs(b), append(first, more...); !reflect.DeepEqual(have, want) {
		t.Errorf("read %q, want %q", have, want)
	}
	if b := appendPairs(nil, nil, nil); b != nil {
		t.Errorf("no pairs at all are %q", b)
	}
	if n := testing.AllocsPerRun(100, func() { b = appendPairs(b[:0], first, more) }); n != 0 {
		t.Errorf("to write pairs allocates %.0f times", n)
	}
}

func TestAPathIsJoined(t *testing.T) {
	for want, path := range map[string][]string{"": nil, "a": {"a"}, "a\x00b.c\x00d": {"a", "b.c", "d"}} {
		if have := join(path); have != want {
			t.Errorf("%q is %q, want %q", path, have, want)
		}
	}
}

// FuzzPairs: headers are what clients send, in the form that a proxy gives
// them. Whatever it is, what is read again is the same.
func FuzzPairs(f *testing.F) {
	f.Add([]byte{})
	f.Add(appendPairs(nil, [][2]string{{"a", "b"}, {"c", ""}}))
	f.Add([]byte("\x01\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xffa\x00b\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		pairs := splitPairs(b)
		again := splitPairs(appendPairs(nil, pairs))
		if len(pairs) > 0 && !reflect.DeepEqual(pairs, again) {
			t.Errorf("%q is read as %q, then as %q", b, pairs, again)
		}
	})
}
