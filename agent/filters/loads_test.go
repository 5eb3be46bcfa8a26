package filters

import (
	"slices"
	"testing"
)

func TestCompiledCodeIsKnownAsAModules(t *testing.T) {
	const page = 4 << 10
	code := func(sizes ...uint64) (l layout) {
		at := uint64(1 << 30)
		for _, size := range sizes {
			at += size
		}
		l.code = []span{{1 << 30, at}}
		return l
	}
	none, a, both := map[string]bool{}, map[string]bool{"a": true}, map[string]bool{"a": true, "b": true}
	const m = 1 << 20
	l := loads{order: []string{"a", "b"}}
	l.note(code(3*m), none)
	l.note(code(3*m, m), none)
	l.note(code(3*m, m, page), a) // calls into Envoy are nobody's
	l.note(code(3*m, m, page, 2*m), a)
	l.note(code(3*m, m, page, 2*m, m), both)
	got := l.answered([]string{"a", "b"})
	whose := func(at uint64) []string {
		for _, r := range got {
			if r.has(at) {
				return r.of
			}
		}
		return nil
	}
	for _, c := range []struct {
		at   uint64
		want []string
	}{{1 << 30, []string{"a"}}, {1<<30 + 3*m, []string{"a"}}, {1<<30 + 4*m, nil}, {1<<30 + 4*m + page, []string{"b"}}, {1<<30 + 6*m + page, []string{"b"}}} {
		if got := whose(c.at); !slices.Equal(got, c.want) {
			t.Errorf("%x is of %v, want %v", c.at, got, c.want)
		}
	}
	if len(l.order) > 0 || len(l.pieces) > 0 {
		t.Errorf("left: %+v", l)
	}

	l = loads{order: []string{"a", "b"}} // a is done between two looks
	l.note(code(3*m), none)
	l.note(code(3*m, 2*m), a)
	got = l.answered([]string{"a"})
	if !slices.Equal(whose(1<<30+3*m), []string{"a", "b"}) || !slices.Equal(l.order, []string{"b"}) {
		t.Errorf("found %v, left %v", got, l.order)
	}

	l = loads{order: []string{"a", "b"}} // no memory may be looked at
	l.note(code(3*m), none)
	l.note(code(3*m, 2*m), none)
	got = l.answered([]string{"a", "b"})
	if !slices.Equal(whose(1<<30), []string{"a", "b"}) || !slices.Equal(whose(1<<30+4*m), []string{"a", "b"}) {
		t.Errorf("found %v", got)
	}
}
