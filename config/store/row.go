package store

import (
	"slices"

	"github.com/krater-mesh/krater/config/source"
	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// row is an object at its place in the listing, and what it came to.
type row struct {
	object    *crds.Object
	reading   *reading
	candidate Candidate
}

// sameObjects tells whether a listing has the objects of the last one, in
// other versions perhaps, and all of them could be read.
func (s *Store) sameObjects(l source.Listing) bool {
	if incomplete(l) || len(l.Objects) != len(s.rows) {
		return false
	}
	for i, o := range l.Objects {
		if was := s.rows[i].object; o != was && o.Ref != was.Ref {
			return false
		}
	}
	return true
}

func incomplete(l source.Listing) bool {
	for _, is := range l.Incomplete {
		if is {
			return true
		}
	}
	return false
}

// applyEdits is Apply for such a listing: what did not change is not looked at.
func (s *Store) applyEdits(l source.Listing) Result {
	var out Result
	for i, o := range l.Objects {
		r := &s.rows[i]
		if o != r.object || r.reading.outside {
			reading := s.read(o)
			if reading != r.reading {
				s.stale[o.Ref] = true
			}
			if o.Root != r.object.Root {
				delete(s.readings, r.object.Root)
			}
			r.object, r.reading = o, reading
		}
		if len(s.stale) > 0 && s.stale[o.Ref] {
			r.candidate = s.candidate(o.Ref, r.reading)
		}
		out.Problems = append(out.Problems, r.reading.problems...)
	}
	clear(s.stale)
	out.Candidates = make([]Candidate, len(s.sorted))
	for i, at := range s.sorted {
		out.Candidates[i] = s.rows[at].candidate
	}
	out.Problems = out.Problems.Sorted()
	return out
}

// remember keeps a listing's rows for the next one, if each object is there
// once.
func (s *Store) remember(l source.Listing, out Result) {
	s.rows, s.sorted = nil, nil
	clear(s.stale)
	if incomplete(l) || len(out.Candidates) != len(l.Objects) {
		return
	}
	at := make(map[model.Ref]int, len(l.Objects))
	for i, o := range l.Objects {
		at[o.Ref] = i
	}
	s.rows = make([]row, len(l.Objects))
	for _, c := range out.Candidates {
		i := at[c.Ref]
		s.rows[i] = row{l.Objects[i], s.readings[l.Objects[i].Root], c}
		s.sorted = append(s.sorted, i)
	}
}

// commit brings what is good to the entries of a snapshot, in the order of
// Refs, from those of the one before.
func (s *Store) commit(inForce []*crds.Entry) {
	before := s.inForce
	for _, e := range inForce {
		for len(before) > 0 && before[0].Ref.Less(e.Ref) {
			s.drop(before[0].Ref)
			before = before[1:]
		}
		known := len(before) > 0 && (before[0] == e || before[0].Ref == e.Ref)
		if !known || before[0] != e {
			s.keep(e)
		}
		if known {
			before = before[1:]
		}
	}
	for _, e := range before {
		s.drop(e.Ref)
	}
	s.inForce = inForce
}

// keep makes an entry the good one. A denial is none.
func (s *Store) keep(e *crds.Entry) {
	if e.Content.Substitutes() {
		s.drop(e.Ref)
		return
	}
	old := s.good[e.Ref]
	s.good[e.Ref], s.stale[e.Ref] = e, true
	if old == nil || old.Version != e.Version || old.Origin.File != e.Origin.File {
		s.unkept[e.Ref] = e
	}
}

func (s *Store) drop(ref model.Ref) {
	if s.good[ref] != nil {
		delete(s.good, ref)
		s.unkept[ref], s.stale[ref] = nil, true
	}
}

func inOrder(entries []*crds.Entry) []*crds.Entry {
	byRef := func(a, b *crds.Entry) int { return a.Ref.Compare(b.Ref) }
	if slices.IsSortedFunc(entries, byRef) {
		return entries
	}
	return slices.SortedFunc(slices.Values(entries), byRef)
}
