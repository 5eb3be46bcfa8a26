package model

import (
	"crypto/sha256"
	"encoding/hex"
	"reflect"
	"slices"
)

// sums is one branch of a snapshot's hash tree.
type sums struct {
	items []string // of the list's items, in order; nil where the branch is no list of pointers
	whole string
}

// sumList hashes a list by the hashes of its items. Those of items that an
// earlier snapshot has too, by their pointers, are not computed again.
func sumList[T any](list, earlier []*T, known sums) sums {
	if known.whole != "" && slices.Equal(list, earlier) {
		return known
	}
	if len(known.items) != len(earlier) {
		earlier = nil
	}
	start, end := 0, 0 // an edit leaves most of the list's head and tail
	for start < min(len(list), len(earlier)) && list[start] == earlier[start] {
		start++
	}
	for end < min(len(list), len(earlier))-start && list[len(list)-1-end] == earlier[len(earlier)-1-end] {
		end++
	}
	moved := map[*T]string{}
	for i := start; i < len(earlier)-end; i++ {
		moved[earlier[i]] = known.items[i]
	}
	out := sums{items: make([]string, len(list))}
	for i, item := range list {
		switch {
		case i < start:
			out.items[i] = known.items[i]
		case i >= len(list)-end:
			out.items[i] = known.items[len(earlier)-len(list)+i]
		case moved[item] != "":
			out.items[i] = moved[item]
		default:
			out.items[i] = Hash(item)
		}
	}
	h := sha256.New()
	for _, sum := range out.items {
		h.Write([]byte(sum))
	}
	out.whole = hex.EncodeToString(h.Sum(nil)[:8])
	return out
}

// sumValues hashes a list of values, which is the same list as an earlier one
// or is hashed as a whole.
func sumValues[T any](list, earlier []T, known sums) sums {
	if known.whole != "" && len(list) == len(earlier) && (len(list) == 0 || &list[0] == &earlier[0]) {
		return known
	}
	return sums{whole: Hash(list)}
}

func sumMesh(m, earlier *Mesh, known sums) sums {
	if known.whole != "" && reflect.DeepEqual(m, earlier) {
		return known
	}
	return sums{whole: Hash(m)}
}
