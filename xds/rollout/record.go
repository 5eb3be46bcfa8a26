package rollout

import (
	"maps"
	"slices"
	"time"

	"github.com/krater-mesh/krater/model"
)

// Record is one filter's rollout with all that it was decided by.
type Record struct {
	model.RolloutState
	Begun time.Time `json:"begun"` // the version that is New
	// Waiting is what the step waits for, Overdue since when too long.
	Waiting string `json:"waiting,omitempty"`
	Overdue bool   `json:"overdue,omitempty"`
	// Loads tells since when each of Loading loads.
	Loads map[string]time.Time `json:"loads,omitempty"`
	// Windows are the readings of this step by proxy, Before those from before
	// the rollout.
	Windows map[string]*Window `json:"windows,omitempty"`
	Before  map[string]Totals  `json:"before,omitempty"`
	// Readings are what the guards saw last.
	Readings []Reading `json:"readings,omitempty"`
	Gone     time.Time `json:"gone,omitzero"` // not declared, since then
	// Tainted is when a proxy last had a version that was not good enough.
	Tainted time.Time `json:"tainted,omitzero"`
}

// Active tells whether the rollout is under way.
func (r *Record) Active() bool {
	return r.Phase == model.RolloutPreloading || r.Phase == model.RolloutStepping
}

// turn is one look at one record.
type turn struct {
	*Record
	book *Book
	in   Input
}

// declare takes the declaration in: the one that there was, or another, which
// begins anew from the version that is in force.
func (t turn) declare(f *model.FilterBinding, first bool) {
	if t.New == f {
		return
	}
	if t.New != nil && model.Hash(t.New) == model.Hash(f) {
		t.New = f
		if t.Old != nil { // it stands where the new one does, also after a restart
			t.Old = t.Old.At(f)
		}
		return
	}
	was := t.Phase
	if t.Active() {
		t.Tainted = t.in.Now
	}
	old := t.inForce().At(f)
	t.New, t.Old, t.Begun = f, old, t.in.Now
	t.Step, t.UpTo, t.Reason, t.Waiting, t.Overdue, t.Share = 0, 0, "", "", false, model.RolloutStep{}
	t.Loading, t.Loads, t.Windows, t.Readings = nil, nil, nil, nil
	switch {
	case old != nil && !old.Missing() && f.Missing():
		t.phase(model.RolloutRolledBack)
		t.event(RolledBack, "its module cannot be had")
	case old != nil && old.Version() == f.Version():
		t.phase(model.RolloutPromoted)
		if was != model.RolloutPromoted {
			t.event(Promoted, "the declaration went back to the version in force")
		}
		t.Old = nil
	case first, old != nil && old.Missing(), f.Rollout == nil, len(f.Rollout.Steps) == 0:
		t.phase(model.RolloutPromoted)
		if !first {
			t.event(Promoted, "it has no steps")
			t.load(func(*model.Workload) bool { return true })
		}
	default:
		t.remember()
		t.Phase = ""
		t.event(Begun, "")
		t.enter(0)
	}
}

// inForce is the version that the proxies have which are no exception.
func (t turn) inForce() *model.FilterBinding {
	if t.Phase != model.RolloutPromoted {
		return t.Old
	}
	for _, p := range t.selected() {
		if _, loads := slices.BinarySearch(t.Loading, p.Workload.ID()); p.Connected && !loads {
			return t.New
		}
	}
	if len(t.Loading) > 0 { // nobody has got it
		return t.Old
	}
	return t.New
}

func (t turn) phase(p model.RolloutPhase) { t.Phase, t.Since = p, t.in.Now }

// enter begins a step, or ends the rollout after the last.
func (t turn) enter(step int) {
	steps := t.New.Rollout.Steps
	if step >= len(steps) {
		t.promote("all steps went well")
		return
	}
	had := t.RolloutState
	t.Step, t.Share = step, steps[step]
	t.UpTo = t.threshold()
	t.phase(model.RolloutPreloading)
	t.Waiting, t.Overdue = "", false
	t.load(func(w *model.Workload) bool { return had.Phase == "" || !had.Wants(w) })
	if t.event(Stepped, ""); len(t.Loading) == 0 {
		t.step()
	}
}

// step begins to watch those who have the new version.
func (t turn) step() {
	t.phase(model.RolloutStepping)
	t.Windows, t.Readings = nil, nil
}

// promote gives the new version to all.
func (t turn) promote(reason string) {
	had := t.RolloutState
	t.Reason, t.Waiting, t.Overdue = reason, "", false
	t.phase(model.RolloutPromoted)
	t.UpTo, t.Windows = 0, nil
	t.load(func(w *model.Workload) bool { return !had.Wants(w) })
	t.event(Promoted, reason)
}

// rollBack gives the old version to all, until the object changes.
func (t turn) rollBack(reason string) {
	t.Reason, t.Waiting, t.Overdue = reason, "", false
	t.phase(model.RolloutRolledBack)
	t.UpTo, t.Loading, t.Loads, t.Windows = 0, nil, nil, nil
	t.Tainted = t.in.Now
	t.event(RolledBack, reason)
}

// selected are the proxies that the filter is for.
func (t turn) selected() []Proxy {
	var out []Proxy
	if t.New == nil {
		return nil
	}
	for _, p := range t.in.Proxies {
		if t.New.Selects(*p.Workload) {
			out = append(out, p)
		}
	}
	return out
}

// remember keeps what the proxies did before the rollout, but for the time in
// which a version that did not stay may have spoilt it.
func (t turn) remember() {
	if !t.Tainted.IsZero() && t.in.Now.Sub(t.Tainted) < keepBefore {
		return
	}
	t.Before = map[string]Totals{}
	for _, p := range t.selected() {
		if p.Report != nil {
			t.Before[p.Workload.ID()] = between(p.Earlier, *p.Report)
		}
	}
}

// EarlierBy is how old Proxy.Earlier may be, and keepBefore how long readings
// stand for "before": longer, so that no tainted time is within the former.
const (
	EarlierBy  = 5 * time.Minute
	keepBefore = 3 * EarlierBy
)

// load has proxies that are connected, want the new version and lack its code
// load it before they get it.
func (t turn) load(newly func(*model.Workload) bool) {
	if t.New.Type == model.FilterLua || t.New.Missing() {
		return
	}
	loads := map[string]time.Time{}
	for _, p := range t.selected() {
		id := p.Workload.ID()
		since, already := t.Loads[id]
		switch {
		case !p.Connected || p.Code == nil || !t.Wants(p.Workload):
		case already:
			loads[id] = since
		case newly(p.Workload) && !p.Code(t.New.Module.Digest).Loaded:
			loads[id] = t.in.Now
		}
	}
	t.Loads, t.Loading = loads, slices.Sorted(maps.Keys(loads))
}
