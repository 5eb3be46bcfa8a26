package rollout_test

import (
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/krater-mesh/krater/cmd/krater/controlplane"
	"github.com/krater-mesh/krater/model"
)

// TestVersionsOfAFilter brings one version after the other to four proxies
// that are under load all the time.
func TestVersionsOfAFilter(t *testing.T) {
	w := newWorld(t)
	w.load(t)
	t.Run("another code is loaded, goes step by step, survives the control plane, and is promoted", w.good)
	for _, bad := range []badVersion{
		{"a", "5xx", "minRequests: 15, errorRatio: 0.02", "^errorRatio is"}, // other code: the old one is held, to go back to
		{"b", "slow", "minRequests: 4, latencyP99: 4", "^latencyP99 is"},
		{"b", "leak", "minRequests: 15, memory: 1.3", "^memory is|takes more memory"},
		{"b", "trap", "minRequests: 15, traps: 0", "the filter trapped|the filter is FAILING"},
	} {
		t.Run(bad.mood+" is taken back by itself", func(t *testing.T) { w.bad(t, bad) })
	}
	t.Run("what was taken back stays so after a restart", w.stays)
	t.Run("the page is true", w.page)
}

// good is a version of other code.
func (w *world) good(t *testing.T) {
	w.since()
	w.declare(t, "b", "2", "ok", allGuards)
	first := w.rollout(t, 180*time.Second, "the first step", func(r controlplane.RolloutStatus) bool {
		return r.Phase == model.RolloutStepping && r.Step == 1 && len(r.Proxies) == 1
	})
	second := w.rollout(t, 180*time.Second, "the second step", func(r controlplane.RolloutStatus) bool {
		return r.Phase == model.RolloutStepping && r.Step == 2 && len(r.Proxies) == 2
	})
	if !slices.Contains(second.Proxies, first.Proxies[0]) {
		t.Errorf("%v had it first, and then %v", first.Proxies, second.Proxies)
	}
	w.control.Kill(t)
	w.startControl(t)
	again := w.rollout(t, 5*time.Second, "the control plane that came back", func(controlplane.RolloutStatus) bool { return true })
	if again.Step < 2 && again.Phase != model.RolloutPromoted || again.Phase != model.RolloutPromoted && !slices.Equal(again.Proxies, second.Proxies) {
		t.Errorf("it was at %+v, and went on at %+v", second, again)
	}
	w.rollout(t, 180*time.Second, "its end", func(r controlplane.RolloutStatus) bool {
		return r.Phase == model.RolloutPromoted && len(r.Proxies) == 4 && len(r.Loading) == 0
	})
	for name, l := range w.loads {
		l.until(t, name, answer{200, "2b"})
		answers, _, slowest := l.since()
		t.Logf("%s answered %v, the slowest in %s", name, answers, slowest.Round(time.Millisecond))
		if want := []answer{{200, "1a"}, {200, "2b"}}; !slices.Equal(answers, want) {
			t.Errorf("%s answered %v", name, answers)
		}
	}
	w.tellLoads(t)
}

// badVersion misbehaves; its guard is to see it, and give a reason like that.
type badVersion struct{ build, mood, guard, reason string }

func (w *world) bad(t *testing.T, v badVersion) {
	before := w.rollout(t, time.Second, "what is in force", func(controlplane.RolloutStatus) bool { return true })
	w.since()
	w.declare(t, v.build, v.mood, v.mood, v.guard)
	var share []string
	var began time.Time
	back := w.rollout(t, 180*time.Second, "its being taken back", func(r controlplane.RolloutStatus) bool {
		if r.Phase == model.RolloutStepping && r.Version != before.Version {
			share, began = r.Proxies, r.Since
		}
		return r.Phase == model.RolloutRolledBack && r.Version != before.Version
	})
	t.Logf("taken back from %v after %s: %s", share, back.Since.Sub(began).Round(100*time.Millisecond), back.Reason)
	if !regexp.MustCompile(v.reason).MatchString(back.Reason) || len(back.Proxies) != 0 || len(share) > 1 {
		t.Errorf("%+v", back)
	}
	for name, l := range w.loads {
		l.until(t, name, answer{200, "2b"})
		answers, count, _ := l.since()
		t.Logf("%s answered %v", name, count)
		if !slices.Contains(share, "default/"+name) && !slices.Equal(answers, []answer{{200, "2b"}}) {
			t.Errorf("%s is not of the share %v, and answered %v", name, share, answers)
		}
	}
	w.problem(t, back.Reason)
}

// stays restarts the control plane.
func (w *world) stays(t *testing.T) {
	w.control.Kill(t)
	w.since()
	w.startControl(t)
	w.rollout(t, 10*time.Second, "what was taken back", func(r controlplane.RolloutStatus) bool { return r.Phase == model.RolloutRolledBack })
	w.declare(t, "b", "2", "ok", allGuards) // as it is in force
	w.rollout(t, 10*time.Second, "the end of it", func(r controlplane.RolloutStatus) bool { return r.Phase == model.RolloutPromoted })
	for name, l := range w.loads {
		if answers, _, _ := l.since(); !slices.Equal(answers, []answer{{200, "2b"}}) {
			t.Errorf("%s answered %v", name, answers)
		}
	}
}

// since forgets what was answered up to now.
func (w *world) since() {
	for _, l := range w.loads {
		l.since()
	}
}
