package vm

// table finds contexts by id, by linear probing. A Go map would allocate now
// and then as ids come and go; this one only when more streams are alive than
// ever before. The zero table is empty.
type table[T any] struct {
	ids   []uint32 // 0: free
	items []*T
	count int
}

func (t *table[T]) home(id uint32) int { return int(id) & (len(t.ids) - 1) }

func (t *table[T]) next(i int) int { return (i + 1) & (len(t.ids) - 1) }

func (t *table[T]) get(id uint32) *T {
	if t.count == 0 || id == 0 {
		return nil
	}
	for i := t.home(id); t.ids[i] != 0; i = t.next(i) {
		if t.ids[i] == id {
			return t.items[i]
		}
	}
	return nil
}

func (t *table[T]) put(id uint32, item *T) {
	if 2*(t.count+1) > len(t.ids) {
		t.grow()
	}
	i := t.home(id)
	for t.ids[i] != 0 {
		i = t.next(i)
	}
	t.ids[i], t.items[i] = id, item
	t.count++
}

func (t *table[T]) grow() {
	old := *t
	size := max(16, 2*len(old.ids))
	*t = table[T]{ids: make([]uint32, size), items: make([]*T, size)}
	for i, id := range old.ids {
		if id != 0 {
			t.put(id, old.items[i])
		}
	}
}

// remove takes an item out, and moves those behind it that probing would
// otherwise not find.
func (t *table[T]) remove(id uint32) *T {
	item := t.get(id)
	if item == nil {
		return nil
	}
	i := t.home(id)
	for t.ids[i] != id {
		i = t.next(i)
	}
	for j := t.next(i); t.ids[j] != 0; j = t.next(j) {
		if h := t.home(t.ids[j]); (j-h)&(len(t.ids)-1) >= (j-i)&(len(t.ids)-1) {
			t.ids[i], t.items[i] = t.ids[j], t.items[j]
			i = j
		}
	}
	t.ids[i], t.items[i] = 0, nil
	t.count--
	return item
}

func (t *table[T]) each(do func(*T)) {
	for _, item := range t.items {
		if item != nil {
			do(item)
		}
	}
}
