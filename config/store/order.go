package store

import (
	"slices"

	"github.com/krater-mesh/krater/model"
)

// ordered gives the candidates by Ref. Most were there before, in order: only
// what is new is sorted.
func (s *Store) ordered(candidates map[model.Ref]Candidate) []Candidate {
	kept := make([]model.Ref, 0, len(candidates))
	for _, ref := range s.order {
		if _, stays := candidates[ref]; stays {
			kept = append(kept, ref)
		}
	}
	if len(kept) < len(candidates) {
		known := make(map[model.Ref]bool, len(kept))
		for _, ref := range kept {
			known[ref] = true
		}
		var added []model.Ref
		for ref := range candidates {
			if !known[ref] {
				added = append(added, ref)
			}
		}
		slices.SortFunc(added, model.Ref.Compare)
		kept = merged(kept, added)
	}
	s.order = kept
	out := make([]Candidate, len(kept))
	for i, ref := range kept {
		out[i] = candidates[ref]
	}
	return out
}

// merged joins two sorted lists.
func merged(a, b []model.Ref) []model.Ref {
	out := make([]model.Ref, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if a[0].Less(b[0]) {
			out, a = append(out, a[0]), a[1:]
		} else {
			out, b = append(out, b[0]), b[1:]
		}
	}
	return append(append(out, a...), b...)
}
