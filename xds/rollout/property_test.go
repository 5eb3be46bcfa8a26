package rollout_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/krater-mesh/krater/model"
)

// history is a random life of a fleet, with what has to hold in it.
type history struct {
	*rapid.T
	*fleet
	wanted map[string]bool // proxies that were to have the newest version
	begun  time.Time
	taken  map[string]bool // declarations that were taken back, by their hash
	edits  int
	silent time.Time // nobody reports since
}

// TestRandomLives: whatever comes in whatever order, a share only grows, a bad
// version never leaves it, what is taken back stays so, and a restart of the
// control plane changes no proxy.
func TestRandomLives(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := &history{T: rt, fleet: newFleet(rapid.IntRange(1, 12).Draw(rt, "proxies")), taken: map[string]bool{}}
		for i, p := range h.proxies {
			p.loadsFor = 1 + i%4
			p.connected = rapid.IntRange(0, 9).Draw(rt, "connected") > 0
		}
		h.declare("a0", nil)
		h.looks(5)
		for range rapid.IntRange(1, 60).Draw(rt, "turns") {
			h.turn()
		}
	})
}

func (h *history) turn() {
	switch rapid.IntRange(0, 9).Draw(h.T, "what") {
	case 0, 1:
		h.edit()
	case 2:
		p := rapid.SampledFrom(h.proxies).Draw(h.T, "proxy")
		if p.connected = !p.connected; p.connected && rapid.Bool().Draw(h.T, "started anew") {
			p.report = model.ProxyReport{Started: h.now, Latency: buckets()}
			p.has = map[string]bool{}
		}
	case 3:
		before := h.choice()
		h.restart()
		h.look()
		h.check()
		if h.record().Since != h.now && fmt.Sprint(before) != fmt.Sprint(h.choice()) { // nothing was due just then
			if !h.loadedNow(before) {
				h.Fatalf("a restart changed %v to %v: %+v", before, h.choice(), h.record())
			}
		}
	case 4:
		h.lossy, h.silent = !h.lossy, h.now
	default:
		for range rapid.IntRange(1, 15).Draw(h.T, "seconds") {
			h.look()
			h.check()
		}
	}
}

// loadedNow tells whether proxies changed only to the new version.
func (h *history) loadedNow(before map[string]string) bool {
	for id, config := range h.choice() {
		if before[id] != config && config != h.declared.Config {
			return false
		}
	}
	return true
}

// edit declares something else: a version of its own, good or bad.
func (h *history) edit() {
	h.edits++
	config := fmt.Sprintf("%c%d", 'a'+rune(rapid.IntRange(0, 3).Draw(h.T, "code")), h.edits)
	if rapid.Bool().Draw(h.T, "bad") {
		config += "bad"
		h.versions[config] = rapid.SampledFrom([]behaviour{{errors: 0.5}, {slow: 60}, {memory: 200 << 20}, {traps: true}, {failing: true}, {cpu: time.Millisecond}}).Draw(h.T, "how")
	}
	percents := rapid.SampledFrom([][]float64{{10}, {1, 100}, {20, 50}, {5, 10, 60}}).Draw(h.T, "steps")
	r := guarded(steps(time.Duration(rapid.IntRange(2, 9).Draw(h.T, "pause"))*time.Second, percents...))
	if rapid.Bool().Draw(h.T, "labels") {
		r.Steps = append([]model.RolloutStep{{Labels: map[string]string{"n": "0"}, Pause: model.Duration(3 * time.Second)}}, r.Steps...)
	}
	h.declare(config, r)
	h.wanted = nil
}

func (h *history) choice() map[string]string {
	out := map[string]string{}
	for _, p := range h.proxies {
		if v := h.versionOf(p); v != nil {
			out[p.w.ID()] = v.Config
		}
	}
	return out
}

func (h *history) check() {
	r := h.record()
	config := r.New.Config
	if r.Begun != h.begun {
		h.begun, h.wanted = r.Begun, nil
	}
	wanted := map[string]bool{}
	for _, p := range h.proxies {
		wanted[p.w.ID()] = r.Wants(&p.w)
		if r.Active() && h.wanted[p.w.ID()] && !wanted[p.w.ID()] {
			h.Fatalf("%s was in the share, and is not any more: %+v", p.w.ID(), r)
		}
		if v := h.versionOf(p); v != nil && v.Config != config && r.Phase == model.RolloutPromoted && len(r.Loading) == 0 {
			h.Fatalf("%s has %s, and %s is in force", p.w.ID(), v.Config, config)
		}
	}
	h.wanted = wanted
	if _, bad := h.versions[config]; bad && r.Phase == model.RolloutPromoted {
		h.Fatalf("a bad version was promoted: %+v", r)
	}
	hash := model.Hash(r.New)
	if h.taken[hash] && r.Phase != model.RolloutRolledBack {
		h.Fatalf("what was taken back came again: %+v", r)
	}
	if r.Phase == model.RolloutRolledBack {
		if h.taken[hash] = true; h.having(config) > 0 {
			h.Fatalf("what was taken back is somewhere: %+v", r)
		}
	}
	if r.Active() && r.Share.Percent > 0 {
		n := 0
		for _, p := range h.proxies {
			if wanted[p.w.ID()] {
				n++
			}
		}
		if n == 0 {
			h.Fatalf("a percent above 0 is nobody: %+v", r)
		}
	}
	if h.lossy && h.now.Sub(h.silent) > 30*time.Second && r.Phase == model.RolloutPromoted && r.Since == h.now && r.Reason != "" {
		h.Fatalf("promoted without readings: %+v", r)
	}
}

// TestShareByPercent: about as many as the percent says, never none, and the
// same ones first whoever else there is.
func TestShareByPercent(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 300).Draw(rt, "proxies")
		percent := rapid.Float64Range(0.1, 100).Draw(rt, "percent")
		f := newFleet(n)
		f.declare("a0", nil)
		f.look()
		f.declare("b0", steps(time.Hour, percent))
		f.look()
		got := 0
		for _, p := range f.proxies {
			if f.record().Wants(&p.w) {
				got++
			}
		}
		want := max(1, percent/100*float64(n))
		if float64(got) < want-1e-6 || float64(got) > want+1 {
			rt.Fatalf("%d of %d are %v %%", got, n, percent)
		}
	})
}
