// Package store turns Listings into the Entries that are candidates for the
// next Snapshot, and keeps each object's last good Entry, on disk if asked.
// A bad object never takes its good version down; one that decides access
// and has none is replaced by a denial.
package store

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"

	"github.com/krater-mesh/krater/config/source"
	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// Candidate is one object as it might be in force: its newest Entry first,
// then what it falls back to.
type Candidate struct {
	Ref model.Ref
	// Entry is the newest version that reads well; nil where there is none.
	Entry *crds.Entry
	// LastGood was in force before; nil where nothing was, or it is Entry.
	LastGood *crds.Entry
	// Known: some version of the object is in force already.
	Known bool
	// Denial stands in where nothing else can; nil for what decides no access.
	Denial *crds.Entry
}

// Result is what a Listing came to.
type Result struct {
	Candidates []Candidate // by Ref
	Problems   model.Problems
}

// Store holds the last good Entry of each object.
type Store struct {
	mu    sync.Mutex
	hooks Hooks
	good  map[model.Ref]*crds.Entry
	// loading are problems of the state on disk, told with the first Result.
	loading model.Problems

	applies  uint64
	readings map[*crds.Node]*reading // by the object's root
	order    []model.Ref             // of the last candidates
	rows     []row                   // of the last listing, in its order; nil: not to be used again
	sorted   []int                   // rows, by Ref
	stale    map[model.Ref]bool      // rows whose candidate has to be made anew
	inForce  []*crds.Entry           // that were committed last, by Ref

	saving sync.Mutex
	disk   *disk                     // nil: memory only
	unkept map[model.Ref]*crds.Entry // not on disk yet; nil: to be removed there
}

// Open makes a store. Its state is kept in dir (made if absent), or only in
// memory where dir is "".
func Open(dir string, hooks Hooks) (*Store, error) {
	if hooks.ReadFile == nil {
		hooks.ReadFile = os.ReadFile
	}
	hooks.around = &surroundings{}
	s := &Store{hooks: hooks, good: map[model.Ref]*crds.Entry{}, readings: map[*crds.Node]*reading{}, unkept: map[model.Ref]*crds.Entry{}, stale: map[model.Ref]bool{}}
	if dir == "" {
		return s, nil
	}
	d, err := openDisk(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the store %s: %w", dir, err)
	}
	s.disk = d
	s.good, s.loading, err = d.load()
	if err != nil {
		return nil, fmt.Errorf("reading the store %s: %w", dir, err)
	}
	s.inForce = inOrder(slices.Collect(maps.Values(s.good)))
	return s, nil
}

// Apply reads every object of a listing; one that it read before, and that
// did not change, keeps its Entry. It changes nothing that is in force: Commit
// does, when the candidates became a snapshot.
func (s *Store) Apply(l source.Listing) Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.applies++
	s.look(l)
	if s.loading == nil && s.sameObjects(l) {
		return s.applyEdits(l)
	}
	out := Result{Problems: s.loading}
	s.loading = nil
	first := make(map[model.Ref]*crds.Object, len(l.Objects))
	candidates := make(map[model.Ref]Candidate, len(l.Objects))
	for _, o := range l.Objects {
		if other, twice := first[o.Ref]; twice {
			out.Problems = append(out.Problems, duplicate(o, other))
			continue
		}
		first[o.Ref] = o
		r := s.read(o)
		r.apply = s.applies
		out.Problems = append(out.Problems, r.problems...)
		candidates[o.Ref] = s.candidate(o.Ref, r)
	}
	out.Problems = append(out.Problems, s.unreadable(l, candidates)...)
	if len(s.readings) > len(first) {
		s.forget()
	}
	out.Candidates = s.ordered(candidates)
	out.Problems = out.Problems.Sorted()
	s.remember(l, out)
	return out
}

// unreadable keeps what is in force and may still be declared where nothing
// can be read now.
func (s *Store) unreadable(l source.Listing, candidates map[model.Ref]Candidate) model.Problems {
	if len(l.Incomplete) == 0 {
		return nil
	}
	var out model.Problems
	for ref, e := range s.good {
		if _, listed := candidates[ref]; !listed && l.Covers(e.Origin.File) {
			candidates[ref] = Candidate{Ref: ref, Entry: e, Known: true}
			out = append(out, model.Problem{Code: model.CodeLastGood, Severity: model.Info, Object: ref, Origin: e.Origin,
				Message: "its file cannot be read: the version that was in force stays"})
		}
	}
	return out
}

func (s *Store) candidate(ref model.Ref, r *reading) Candidate {
	c := Candidate{Ref: ref, Entry: r.entry, Denial: r.denial}
	good := s.good[ref]
	c.Known = good != nil
	if good != nil && (r.entry == nil || good.Version != r.entry.Version) {
		c.LastGood = good
	}
	return c
}

func duplicate(o, first *crds.Object) model.Problem {
	return model.Problem{Code: model.CodeDuplicateObject, Severity: model.Error, Object: o.Ref, Origin: o.Origin,
		Message: fmt.Sprintf("%s is declared already at %s: that one counts", o.Ref, first.Origin),
		Fix:     "rename or remove one of them"}
}

// Commit makes the entries of a snapshot the last good ones, and forgets
// objects that have none. Denials are not kept. Nothing is written: Save does.
func (s *Store) Commit(inForce []*crds.Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commit(inOrder(inForce))
}

// Save writes what Commit changed. It is no part of an edit's way: the disk
// may be slow, and only a restart reads it.
func (s *Store) Save() error {
	s.saving.Lock()
	defer s.saving.Unlock()
	s.mu.Lock()
	changed := s.unkept
	s.unkept = map[model.Ref]*crds.Entry{}
	s.mu.Unlock()
	if s.disk == nil || len(changed) == 0 {
		return nil
	}
	err := s.disk.save(changed)
	if err == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for ref, e := range changed { // the next Save tries again
		if _, newer := s.unkept[ref]; !newer {
			s.unkept[ref] = e
		}
	}
	return fmt.Errorf("keeping the last good configuration: %w", err)
}
