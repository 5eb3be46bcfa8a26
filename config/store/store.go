// Package store turns Listings into the Entries that are candidates for the
// next Snapshot, and keeps each object's last good Entry, on disk if asked.
// A bad object never takes its good version down; one that decides access
// and has none is replaced by a denial.
package store

import (
	"fmt"
	"sort"
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
	disk  *disk // nil: memory only
	good  map[model.Ref]crds.Entry
	// loading are problems of the state on disk, told with the first Result.
	loading model.Problems
}

// Open makes a store. Its state is kept in dir (made if absent), or only in
// memory where dir is "".
func Open(dir string, hooks Hooks) (*Store, error) {
	s := &Store{hooks: hooks, good: map[model.Ref]crds.Entry{}}
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
	return s, nil
}

// Apply reads every object of a listing. It changes nothing that is in force:
// Commit does, when the candidates became a snapshot.
func (s *Store) Apply(l source.Listing) Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := Result{Problems: s.loading}
	s.loading = nil
	first := map[model.Ref]*crds.Object{}
	for _, o := range l.Objects {
		if other, twice := first[o.Ref]; twice {
			out.Problems = append(out.Problems, duplicate(o, other))
			continue
		}
		first[o.Ref] = o
		c, problems := s.candidate(o)
		out.Problems = append(out.Problems, problems...)
		out.Candidates = append(out.Candidates, c)
	}
	for ref, e := range s.good {
		if _, listed := first[ref]; !listed && l.Covers(e.Origin.File) {
			out.Candidates = append(out.Candidates, Candidate{Ref: ref, Entry: &e, Known: true})
			out.Problems = append(out.Problems, model.Problem{Code: model.CodeLastGood, Severity: model.Info, Object: ref, Origin: e.Origin,
				Message: "its file cannot be read: the version that was in force stays"})
		}
	}
	sort.Slice(out.Candidates, func(i, j int) bool { return out.Candidates[i].Ref.Less(out.Candidates[j].Ref) })
	out.Problems = out.Problems.Sorted()
	return out
}

func (s *Store) candidate(o *crds.Object) (Candidate, model.Problems) {
	c := Candidate{Ref: o.Ref}
	e, problems := crds.Convert(o, crds.Options{ReadFile: s.hooks.ReadFile})
	if !problems.HasErrors() {
		problems = append(problems, s.hooks.check(&e)...)
	}
	if !problems.HasErrors() {
		c.Entry = &e
	}
	good, known := s.good[o.Ref]
	if c.Known = known; known && (c.Entry == nil || good.Version != e.Version) {
		c.LastGood = &good
	}
	if d, ok := crds.Substitute(o); ok {
		c.Denial = &d
	}
	return c, problems
}

func duplicate(o, first *crds.Object) model.Problem {
	return model.Problem{Code: model.CodeDuplicateObject, Severity: model.Error, Object: o.Ref, Origin: o.Origin,
		Message: fmt.Sprintf("%s is declared already at %s: that one counts", o.Ref, first.Origin),
		Fix:     "rename or remove one of them"}
}

// Commit makes the entries of a snapshot the last good ones, and forgets
// objects that have none. Denials are not kept.
func (s *Store) Commit(inForce []crds.Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := make(map[model.Ref]crds.Entry, len(inForce))
	for _, e := range inForce {
		if e.Content.Authorization == nil || !e.Content.Authorization.Substitute {
			next[e.Ref] = e
		}
	}
	old := s.good
	s.good = next
	if s.disk == nil {
		return nil
	}
	if err := s.disk.save(old, next); err != nil {
		return fmt.Errorf("keeping the last good configuration: %w", err)
	}
	return nil
}
