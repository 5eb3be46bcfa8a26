package filters

import (
	"slices"
	"testing"
)

// mapsFile is of an Envoy with two modules and one worker; the lines that matter.
const mapsFile = `1e72ae64c000-1e72aeba5000 rwxp 00000000 00:00 0 
55b94c963000-55b950ac9000 r-xp 0207d000 fe:00 5308470                    /opt/envoy
7f0bd8b80000-7f0bd8e80000 rw-p 00000000 00:00 0 
7f0bd8e80000-7f0dd8b80000 ---p 00000000 00:00 0 
7f0dd8b80000-7f0dd8e80000 rw-p 00000000 00:00 0 
7f0dd8e80000-7f0fd8b80000 ---p 00000000 00:00 0 
7f0fd8b8c000-7f0fd8b9c000 r--p 00000000 00:00 0 
7fa919280000-7fa939240000 rwxp 00000000 00:00 0 
7fada4000000-7fada4021000 rw-p 00000000 00:00 0 
7fada4021000-7fada8000000 ---p 00000000 00:00 0 
7fada4e18000-7fada4e1a000 r-xp 00000000 00:00 0                          [vdso]
nonsense
zz-yy rw-p 0 0 0
`

func TestReadLayout(t *testing.T) {
	got := readLayout([]byte(mapsFile))
	want := layout{
		code:     []span{{0x1e72ae64c000, 0x1e72aeba5000}},
		files:    []span{{0x55b94c963000, 0x55b950ac9000}, {0x7fada4e18000, 0x7fada4e1a000}},
		memories: []span{{0x7f0bd8b80000, 0x7f0bd8e80000}, {0x7f0dd8b80000, 0x7f0dd8e80000}},
	}
	if !slices.Equal(got.code, want.code) || !slices.Equal(got.files, want.files) || !slices.Equal(got.memories, want.memories) {
		t.Errorf("read %v\nwant %v", got, want)
	}
}

func TestWithout(t *testing.T) {
	for _, c := range []struct{ spans, others, want []span }{
		{[]span{{1, 9}}, nil, []span{{1, 9}}},
		{[]span{{1, 9}}, []span{{1, 4}}, []span{{4, 9}}}, // what grew at its end
		{[]span{{1, 9}}, []span{{6, 7}, {2, 3}}, []span{{1, 2}, {3, 6}, {7, 9}}},
		{[]span{{1, 9}}, []span{{0, 20}}, nil},
		{[]span{{1, 3}, {5, 9}}, []span{{2, 6}}, []span{{1, 2}, {6, 9}}},
	} {
		if got := without(c.spans, c.others); !slices.Equal(got, c.want) {
			t.Errorf("%v without %v is %v", c.spans, c.others, got)
		}
	}
}

func FuzzReadLayout(f *testing.F) {
	f.Add([]byte(mapsFile))
	f.Fuzz(func(t *testing.T, text []byte) {
		l := readLayout(text)
		for _, s := range slices.Concat(l.code, l.files, l.memories) {
			if s.from >= s.to {
				t.Errorf("%v is empty", s)
			}
		}
	})
}
