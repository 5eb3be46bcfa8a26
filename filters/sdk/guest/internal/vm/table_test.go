package vm

import (
	"math/rand/v2"
	"testing"
)

// TestTable holds the table to a map, through many lives and collisions.
func TestTable(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var have table[int]
	want := map[uint32]*int{}
	for range 100_000 {
		id := 1 + r.Uint32N(60)*(1+r.Uint32N(2)*63)
		if want[id] == nil && len(want) < 40 {
			want[id] = new(int)
			have.put(id, want[id])
		} else if got := have.remove(id); got != want[id] {
			t.Fatalf("removed %p as %d, want %p", got, id, want[id])
		} else {
			delete(want, id)
		}
		probe := 1 + r.Uint32N(60)
		if have.get(probe) != want[probe] || have.count != len(want) {
			t.Fatalf("%d is %p of %d, want %p of %d", probe, have.get(probe), have.count, want[probe], len(want))
		}
	}
	if len(have.ids) > 128 {
		t.Errorf("40 items take %d places", len(have.ids))
	}
}
