package filters

import (
	"context"
	"slices"
	"time"
)

// loads follows Envoy while it compiles modules, one after the other, so that
// compiled code is known as some module's. Code appears in pieces; the VM's
// memory, in which the module's own data is seen, appears once all of it has.
type loads struct {
	order  []string        // digests that were sent and are not answered, in their order
	done   map[string]bool // of these, seen in a memory
	seen   layout          // at the last look
	pieces []region        // what appeared since the last answer
}

// shared is below which size a piece is no module's: what V8 makes for calls
// into Envoy is all modules' together, and a page or two.
const shared = 64 << 10

// note takes in a look. A piece is of the first module that is not done; of one
// of several, where some got done between two looks.
func (l *loads) note(now layout, done map[string]bool) {
	from, to := l.next(l.done), l.next(done)
	for _, s := range without(now.code, l.seen.code) {
		if s.size() >= shared && from < len(l.order) {
			l.pieces = append(l.pieces, region{s, slices.Clone(l.order[from:min(to+1, len(l.order))])})
		}
	}
	l.seen, l.done = now, done
}

// next is the place of the first that is not done.
func (l *loads) next(done map[string]bool) int {
	if i := slices.IndexFunc(l.order, func(digest string) bool { return !done[digest] }); i >= 0 {
		return i
	}
	return len(l.order)
}

// answered is called when Envoy answered for some modules. Where one's memory
// was never seen, nobody knows which piece is whose.
func (l *loads) answered(fresh []string) []region {
	out := l.pieces
	if slices.ContainsFunc(fresh, func(digest string) bool { return !l.done[digest] }) {
		for i := range out {
			out[i].of = slices.Clone(fresh)
		}
	}
	l.pieces = nil
	l.order = slices.DeleteFunc(l.order, func(digest string) bool { return slices.Contains(fresh, digest) })
	return out
}

// look follows Envoy now.
func (k *Keeper) look() {
	now, err := layoutOf(k.run.pid)
	if err != nil {
		return // it ended; or this system does not tell
	}
	digests, done := map[string]bool{}, map[string]bool{}
	for _, digest := range k.run.loads.order {
		digests[digest] = true
	}
	for digest := range k.run.loaded {
		digests[digest] = true
	}
	for digest := range k.memories.owned(k.run.pid, now.memories, digests, k.o.File) {
		done[digest] = true
	}
	k.run.loads.note(now, done)
}

// watchLoads looks often while Envoy compiles.
func (k *Keeper) watchLoads(ctx context.Context) {
	for sleep(ctx, 20*time.Millisecond) {
		k.mu.Lock()
		if k.run.pid != 0 && len(k.run.loads.order) > 0 {
			k.look()
		}
		k.mu.Unlock()
	}
}
