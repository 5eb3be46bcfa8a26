package snapshot

import (
	"maps"
	"reflect"
	"slices"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// shared is a list with the items of an earlier one where they are equal; it
// is the earlier one itself where all are. Both are in one order.
func shared[T any, K comparable](list, earlier []*T, key func(*T) K) []*T {
	var at map[K]int // of earlier; made when the two stop being alike
	next, same := 0, len(list) == len(earlier)
	for i, item := range list {
		k := key(item)
		if next >= len(earlier) || key(earlier[next]) != k {
			if at == nil {
				at = make(map[K]int, len(earlier))
				for j, e := range earlier {
					at[key(e)] = j
				}
			}
			j, known := at[k]
			if !known {
				same = false
				continue
			}
			next = j
		}
		if was := earlier[next]; was == item || reflect.DeepEqual(was, item) {
			list[i] = was
		}
		same = same && list[i] == earlier[i]
		next++
	}
	if same {
		return earlier
	}
	return list
}

// origins says where each entry was declared, from what was known of those
// before. Both lists are sorted by Ref.
func origins(entries []*crds.Entry, p *Result) map[string]model.Origin {
	var out map[string]model.Origin
	var before []*crds.Entry
	if p != nil {
		before = p.InForce
		if slices.Equal(entries, before) {
			return p.Snapshot.Origins
		}
		out = maps.Clone(p.Snapshot.Origins)
	} else {
		out = make(map[string]model.Origin, len(entries))
	}
	for _, e := range entries {
		for len(before) > 0 && before[0].Ref.Less(e.Ref) {
			delete(out, before[0].Ref.String())
			before = before[1:]
		}
		if len(before) > 0 && before[0].Ref == e.Ref {
			same := before[0] == e
			before = before[1:]
			if same {
				continue
			}
		}
		out[e.Ref.String()] = e.Origin
	}
	for _, gone := range before {
		delete(out, gone.Ref.String())
	}
	return out
}
