// Package status remembers what the last builds came to: the Problems now,
// and the latest snapshots. It turns a version, or a policy set, back into
// the configuration that it came from. It never decides anything.
package status

import (
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/krater-mesh/krater/model"
)

// Change is one snapshot of the history.
type Change struct {
	Version string    `json:"version"`
	At      time.Time `json:"at"`
	// Objects that were added or removed, or whose part of the snapshot
	// differs from the one before, as Ref.String().
	Objects []string `json:"objects,omitempty"`
	// PolicySets are those that translation made of it, by filter slot.
	PolicySets []string `json:"policySets,omitempty"`
}

// Status is safe for concurrent use. The zero Status keeps nothing: use New.
type Status struct {
	mu       sync.Mutex
	keep     int
	problems model.Problems
	history  []Change // oldest first
	held     map[string]*model.Snapshot
}

// New makes a Status that remembers the given number of snapshots.
func New(keep int) *Status {
	return &Status{keep: max(keep, 1), held: map[string]*model.Snapshot{}}
}

// Record takes the outcome of a build. An unchanged snapshot adds nothing to
// the history.
func (s *Status) Record(at time.Time, snap *model.Snapshot, problems model.Problems) Change {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problems = slices.Clone(problems)
	var last *model.Snapshot
	if n := len(s.history); n > 0 {
		last = s.held[s.history[n-1].Version]
		if last.Version == snap.Version {
			return s.history[n-1]
		}
	}
	c := Change{Version: snap.Version, At: at, Objects: changed(last, snap)}
	s.history = append(s.history, c)
	s.held[snap.Version] = snap
	if len(s.history) > s.keep {
		gone := s.history[0].Version
		s.history = slices.Delete(s.history, 0, 1)
		if !slices.ContainsFunc(s.history, func(c Change) bool { return c.Version == gone }) {
			delete(s.held, gone)
		}
	}
	return c
}

// NotePolicySets tells which policy sets the snapshot was translated into.
func (s *Status) NotePolicySets(version string, sets ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.history {
		if c := &s.history[i]; c.Version == version {
			c.PolicySets = append(slices.Clone(c.PolicySets), sets...)
			sort.Strings(c.PolicySets)
			c.PolicySets = slices.Compact(c.PolicySets)
		}
	}
}

// Problems are those of the last build.
func (s *Status) Problems() model.Problems {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.problems)
}

// History is what is remembered, newest first.
func (s *Status) History() []Change {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := slices.Clone(s.history)
	slices.Reverse(out)
	return out
}

// Snapshot gives a remembered one.
func (s *Status) Snapshot(version string) (*model.Snapshot, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	snap, ok := s.held[version]
	return snap, ok
}

// WithPolicySet are the changes that had a policy set, newest first.
func (s *Status) WithPolicySet(set string) []Change {
	var out []Change
	for _, c := range s.History() {
		if slices.Contains(c.PolicySets, set) {
			out = append(out, c)
		}
	}
	return out
}
