package model

import (
	"hash/fnv"
	"slices"
	"time"
)

// Rollout is how a new version of a filter comes to the proxies: step by step,
// watched by guards. A new version is other code or another configuration.
type Rollout struct {
	Steps  []RolloutStep `json:"steps"` // after the last: all
	Guards Guards        `json:"guards,omitzero"`
}

// RolloutStep gives the new version to a share of the selected proxies, and to
// all that had it in the steps before.
type RolloutStep struct {
	Percent float64           `json:"percent,omitempty"` // of them, by a hash of their names
	Labels  map[string]string `json:"labels,omitempty"`  // those with these labels
	Pause   Duration          `json:"pause,omitempty"`   // how long it must go well
}

// Guards compare proxies that have the new version with those that have the
// old one. A nil guard is not watched.
type Guards struct {
	MinRequests int64    `json:"minRequests,omitempty"` // before a ratio says anything
	ErrorRatio  *float64 `json:"errorRatio,omitempty"`  // 5xx ÷ requests may be this much above
	LatencyP99  *float64 `json:"latencyP99,omitempty"`  // may be this many times the old
	CPU         *float64 `json:"cpu,omitempty"`         // per request, times the old
	Memory      *float64 `json:"memory,omitempty"`      // of the proxy, times the old
	Traps       *int64   `json:"traps,omitempty"`       // of the filter's VM, since the start
}

// RolloutPhase is where a rollout stands.
type RolloutPhase string

// The phases of a rollout.
const (
	RolloutPreloading RolloutPhase = "PRELOADING" // its share loads the code and does not use it yet
	RolloutStepping   RolloutPhase = "STEPPING"
	RolloutPromoted   RolloutPhase = "PROMOTED"
	RolloutRolledBack RolloutPhase = "ROLLED_BACK"
)

// RolloutState is one filter's rollout now. With it a proxy's version of the
// filter follows from its name and labels alone. It is an input of translation
// beside Snapshot and Endpoints.
type RolloutState struct {
	Object Ref `json:"object"`
	// Old is the version before, where the new one is declared to stand; nil
	// where there was none: then proxies outside the share have no such filter.
	Old   *FilterBinding `json:"old,omitempty"`
	New   *FilterBinding `json:"new"`
	Phase RolloutPhase   `json:"phase"`
	Step  int            `json:"step"`  // index into New.Rollout.Steps
	Share RolloutStep    `json:"share"` // what that step says
	// UpTo is what Percent comes to: proxies whose Point is not above it.
	UpTo   float64   `json:"upTo"`
	Since  time.Time `json:"since"` // of this phase of this step
	Reason string    `json:"reason,omitempty"`
	// Loading are the proxies, sorted, that shall have the new version, and load
	// its code before: until then they have the old one.
	Loading []string `json:"loading,omitempty"`
}

// Point is where a proxy stands among all, for a filter: from 0 to 100, by a
// hash. So each filter begins with other proxies, and always with the same.
func Point(proxy string, filter Ref) float64 {
	h := fnv.New64a()
	h.Write([]byte(proxy + "\x00" + filter.String()))
	x := h.Sum64()
	x ^= x >> 33 // names that differ in their last letter are to stand far apart
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	x ^= x >> 33
	return float64(x>>11) / (1 << 53) * 100
}

// Shares tells whether a proxy is among those that the steps up to now name.
func (s *RolloutState) Shares(w *Workload) bool {
	if s.UpTo > 0 && Point(w.ID(), s.Object) <= s.UpTo {
		return true
	}
	if s.New == nil || s.New.Rollout == nil {
		return false
	}
	steps := s.New.Rollout.Steps
	for _, step := range steps[:min(s.Step+1, len(steps))] {
		if len(step.Labels) > 0 && HasLabels(w.Labels, step.Labels) {
			return true
		}
	}
	return false
}

// Wants tells whether a proxy is to have the new version, now or once it has
// loaded its code.
func (s *RolloutState) Wants(w *Workload) bool {
	switch s.Phase {
	case RolloutPromoted:
		return true
	case RolloutRolledBack:
		return false
	}
	return s.Shares(w)
}

// For is the version that a proxy has; nil: none.
func (s *RolloutState) For(w *Workload) *FilterBinding {
	if _, loads := slices.BinarySearch(s.Loading, w.ID()); s.Wants(w) && !loads {
		return s.New
	}
	return s.Old
}

// Loads are the versions whose code a proxy holds without using it: the new
// one before it gets it, and the old one as long as it may be taken back to it.
func (s *RolloutState) Loads(w *Workload) []*FilterBinding {
	if !s.Wants(w) || s.New.Type == FilterLua {
		return nil
	}
	if s.Phase == RolloutPromoted {
		if _, loads := slices.BinarySearch(s.Loading, w.ID()); loads {
			return []*FilterBinding{s.New}
		}
		return nil
	}
	if s.Old == nil || s.Old.Type == FilterLua || s.Old.Missing() {
		return []*FilterBinding{s.New}
	}
	if s.Old.Module.Digest == s.New.Module.Digest {
		return nil
	}
	return []*FilterBinding{s.New, s.Old}
}

// ChooseFilters are the filters of a proxy, each as the version that it has,
// and those whose code it only holds. A filter without a state is as declared.
func ChooseFilters(declared []*FilterBinding, states []RolloutState, w *Workload) (has, loads []*FilterBinding) {
	if len(states) == 0 {
		return declared, nil
	}
	for _, f := range declared {
		i := slices.IndexFunc(states, func(s RolloutState) bool { return s.Object == f.Object })
		if i >= 0 {
			loads = append(loads, states[i].Loads(w)...)
			f = states[i].For(w)
		}
		if f != nil {
			has = append(has, f)
		}
	}
	return has, loads
}
