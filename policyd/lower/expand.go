package lower

// maxExpanded bounds how many members of a collection are taken as there, and
// as not there, in all ways.
const maxExpanded = 4

// expand gives all that a value may be, where members of constants are there
// on conditions; false: these are too many, or no constants.
func expand(v value) ([]outcome, bool) {
	switch v := v.(type) {
	case bag:
		return v.expand()
	case record:
		return expandList(v.values, func(values []value) value { return record{v.keys, values} })
	case tuple:
		return expandList(v.items, func(values []value) value { return tuple{values} })
	}
	_, ok := ground(v)
	return []outcome{{always, v}}, ok
}

func expandList(values []value, build func([]value) value) ([]outcome, bool) {
	ways := []outcome{{always, tuple{}}}
	for _, v := range values {
		list, ok := expand(v)
		if !ok || len(ways)*len(list) > 1<<maxExpanded {
			return nil, false
		}
		var next []outcome
		for _, w := range ways {
			for _, o := range list {
				items := w.v.(tuple).items
				next = append(next, outcome{and(w.when, o.when), tuple{append(items[:len(items):len(items)], o.v)}})
			}
		}
		ways = next
	}
	for i := range ways {
		ways[i].v = build(ways[i].v.(tuple).items)
	}
	return ways, true
}

func (b bag) expand() ([]outcome, bool) {
	ways, doubtful := []outcome{{always, bag{kind: b.kind}}}, 0
	for _, one := range b.members {
		_, ok := ground(one.v)
		if _, keyed := ground(one.key); !ok || b.kind == 'o' && !keyed {
			return nil, false
		}
		if one.when.op != condTrue {
			doubtful++
		}
		if doubtful > maxExpanded {
			return nil, false
		}
		var next []outcome
		for _, w := range ways {
			had := w.v.(bag).members
			there := bag{b.kind, append(had[:len(had):len(had)], member{always, one.key, one.v})}
			for _, o := range []outcome{{and(w.when, one.when), there}, {and(w.when, not(one.when)), w.v}} {
				if o.when.op != condFalse {
					next = append(next, o)
				}
			}
		}
		ways = next
	}
	for i := range ways {
		if g, ok := ground(ways[i].v); ok {
			ways[i].v = known{g}
		}
	}
	return ways, true
}
