package rollout

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/krater-mesh/krater/model"
)

// patience is how long after its pause a step may wait before it is said.
const patience = time.Minute

// advance does what is due.
func (t turn) advance() {
	t.loading()
	if !t.Active() {
		if len(t.Loading) == 0 && t.Phase == model.RolloutPromoted {
			t.Old = nil
		}
		return
	}
	t.read()
	if reason := t.judge(); reason != "" {
		t.rollBack(reason)
		return
	}
	switch {
	case t.Phase == model.RolloutStepping:
		t.next()
	case len(t.Loading) == 0:
		t.step()
		t.read()
	}
}

// next goes on to the next step, where this one went well for long enough.
func (t turn) next() {
	if t.Share.Percent > 0 && t.UpTo < 100 && t.away() && !t.anyHas() && t.anyLacks() {
		t.widen()
		return
	}
	pause := t.Share.Pause.Std()
	passed := t.in.Now.Sub(t.Since)
	if passed < pause {
		t.Waiting = ""
		return
	}
	t.waits(t.missing(), passed > pause+patience)
	if t.Waiting == "" {
		t.enter(t.Step + 1)
	}
}

// waits notes what is waited for, and says it once when that is too long.
func (t turn) waits(what string, tooLong bool) {
	late := what != "" && tooLong
	if late && !t.Overdue {
		t.event(Waits, what)
	}
	t.Waiting, t.Overdue = what, late
}

// anyHas tells whether a proxy that is connected has the new version.
func (t turn) anyHas() bool {
	return slices.ContainsFunc(t.selected(), func(p Proxy) bool { return p.Connected && t.For(p.Workload) == t.New })
}

// anyLacks tells whether a proxy that is connected has not.
func (t turn) anyLacks() bool {
	return slices.ContainsFunc(t.selected(), func(p Proxy) bool { return p.Connected && t.For(p.Workload) != t.New })
}

// loading gives the new version to those who have loaded its code, or need not
// any more. Where the filter may be missing, it may come late, too.
func (t turn) loading() {
	if len(t.Loads) == 0 {
		return
	}
	var late, refused []string
	still := map[string]bool{}
	for _, p := range t.selected() {
		id := p.Workload.ID()
		since, loads := t.Loads[id]
		if !loads || !p.Connected || p.Code == nil || !t.Wants(p.Workload) {
			continue
		}
		code := p.Code(t.New.Module.Digest)
		overdue := t.in.Now.Sub(since) > LoadWithin
		switch {
		case code.Loaded, overdue && t.New.Failure == model.FilterFailOpen:
			continue
		case code.Refused != "":
			refused = append(refused, id+" refused its module: "+code.Refused)
		case overdue:
			late = append(late, id)
		}
		still[id] = true
	}
	for id := range t.Loads {
		if !still[id] {
			delete(t.Loads, id)
		}
	}
	t.Loading = slices.DeleteFunc(slices.Clone(t.Loading), func(id string) bool { return !still[id] })
	switch {
	case len(refused) > 0 && t.Active():
		t.rollBack(refused[0])
	case len(refused) > 0:
		t.waits(strings.Join(refused, "; "), true)
	case len(late) > 0:
		t.waits(fmt.Sprintf("%s did not load the module within %s", strings.Join(late, ", "), LoadWithin), true)
	case !t.Active() || t.Phase == model.RolloutPreloading:
		t.waits("", false)
	}
}
