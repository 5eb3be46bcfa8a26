package rollout

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/krater-mesh/krater/model"
)

// fresh is how old a report may be that says how a proxy is.
const fresh = 30 * time.Second

// read takes the newest reports into this step's windows.
func (t turn) read() {
	if t.Windows == nil {
		t.Windows = map[string]*Window{}
	}
	here := map[string]bool{}
	for _, p := range t.selected() {
		id := p.Workload.ID()
		if here[id] = true; p.Report == nil || p.Report.At.Before(t.Since) && t.Windows[id] == nil {
			continue
		}
		if t.Windows[id] == nil {
			t.Windows[id] = &Window{}
		}
		t.Windows[id].take(*p.Report, t.Object.String())
	}
	for id := range t.Windows {
		if !here[id] {
			delete(t.Windows, id)
		}
	}
}

// group are proxies of one version: what they do now, what they did before.
type group struct {
	now, before      Totals
	proxies, earlier int
}

// groups sums up the proxies with the new version, and those with the old.
func (t turn) groups() (with, without group) {
	for _, p := range t.selected() {
		g, id := &without, p.Workload.ID()
		if t.For(p.Workload) == t.New {
			g = &with
		}
		w := t.Windows[id]
		if w == nil || w.Count < 2 {
			continue
		}
		g.now.add(w.Sum)
		g.proxies++
		if before, ok := t.Before[id]; ok {
			g.before.add(before)
			g.earlier++
		}
	}
	return with, without
}

// judge compares, notes the readings, and gives the reason to roll back; "":
// none.
func (t turn) judge() string {
	if reason := t.broken(); reason != "" {
		return reason
	}
	with, without := t.groups()
	t.Readings = nil
	guards := t.New.Rollout.Guards
	for _, m := range measures {
		limit := m.limit(guards)
		if limit == nil {
			continue
		}
		r := m.read(with, without, enoughOf(guards), *limit)
		t.Readings = append(t.Readings, r)
		if r.State == Bad {
			return r.reason()
		}
	}
	return ""
}

// broken tells what an agent reports of the new version by itself.
func (t turn) broken() string {
	limit := t.New.Rollout.Guards.Traps
	var sum int64
	for _, p := range t.selected() {
		id := p.Workload.ID()
		w := t.Windows[id]
		if w == nil || t.For(p.Workload) != t.New {
			continue
		}
		sum += w.Traps
		for _, f := range w.Last.Filters {
			if f.Object != t.Object.String() || f.Digest != t.New.Module.Digest {
				continue
			}
			if f.State != model.FilterRunning && f.State != "" && !t.inherited(f, t.Begun) {
				return fmt.Sprintf("the filter is %s in %s%s", f.State, id, because(f.Reason))
			}
			if f.OverMemory && !t.inherited(f, t.Begun.Add(foundLate)) {
				return fmt.Sprintf("the filter takes more memory in %s than it may: %d bytes", id, f.Memory)
			}
		}
	}
	if limit != nil && sum > *limit {
		return fmt.Sprintf("the filter trapped %s, and may %s", times(sum), times(*limit))
	}
	return ""
}

// foundLate is how long after a version began an agent may still find the
// memory that the version before took: the VM is one, and is weighed now and
// then. It is started afresh at once, so what is found later is the new one's.
const foundLate = 5 * time.Second

// inherited tells whether a filter was in its state, or had too much memory,
// since before a time: then that is of the old version, which has the same
// code.
func (t turn) inherited(f model.FilterReport, before time.Time) bool {
	return t.Old != nil && t.Old.Module.Digest == f.Digest && !f.Since.IsZero() && f.Since.Before(before)
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

func times(n int64) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// missing tells what is not known yet, so that the step cannot be called good.
// Nothing that is not known counts as good.
func (t turn) missing() string {
	var without, gone []string
	has := 0
	for _, p := range t.selected() {
		id := p.Workload.ID()
		if t.For(p.Workload) != t.New {
			continue
		}
		w := t.Windows[id]
		switch {
		case !p.Connected && (w != nil || !t.away()):
			gone = append(gone, id)
		case !p.Connected:
		case w == nil || w.Count < 2 || t.in.Now.Sub(w.Last.At) > fresh || w.Last.At.Before(t.Since.Add(t.Share.Pause.Std())):
			without = append(without, id)
		}
		if p.Connected {
			has++
		}
	}
	switch {
	case has == 0:
		return "no proxy that is connected has the new version"
	case !watched(t.New.Rollout.Guards):
		return ""
	case len(gone) > 0:
		return "not connected any more: " + names(gone)
	case len(without) > 0:
		return "no readings of " + names(without)
	}
	with, _ := t.groups()
	if most := t.New.Rollout.Guards.MinRequests; with.now.Requests < most {
		return fmt.Sprintf("%d of %d requests", with.now.Requests, most)
	}
	if i := slices.IndexFunc(t.Readings, func(r Reading) bool { return r.State != Good }); i >= 0 {
		return fmt.Sprintf("%s: %s", t.Readings[i].Guard, t.Readings[i].Detail)
	}
	return ""
}

// names is a list that stays short.
func names(list []string) string {
	if len(list) > 5 {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:5], ", "), len(list)-5)
	}
	return strings.Join(list, ", ")
}
