package rollout

import (
	"fmt"

	"github.com/krater-mesh/krater/model"
)

// What a guard says.
const (
	Good    = "GOOD"
	Bad     = "BAD"
	Unknown = "UNKNOWN" // too little is known
)

// Reading is what a guard saw last.
type Reading struct {
	Guard    string  `json:"guard"` // its field in spec.rollout.guards
	State    string  `json:"state"`
	New      float64 `json:"new"`      // of the proxies with the new version
	Expected float64 `json:"expected"` // of them with the old one
	Limit    float64 `json:"limit"`    // at most
	Detail   string  `json:"detail,omitempty"`
}

func (r Reading) reason() string {
	return fmt.Sprintf("%s is %.4g with the new version, and may be %.4g: with the old one it would be %.4g", r.Guard, r.New, r.Limit, r.Expected)
}

// measure is what a guard looks at.
type measure struct {
	name  string
	limit func(model.Guards) *float64
	of    func(g Totals, proxies int) float64
	// added: the limit is added to what is expected; else it is a factor.
	added bool
}

var measures = []measure{
	{"errorRatio", func(g model.Guards) *float64 { return g.ErrorRatio },
		func(t Totals, _ int) float64 { return float64(t.Errors) / float64(max(t.Requests, 1)) }, true},
	{"latencyP99", func(g model.Guards) *float64 { return g.LatencyP99 },
		func(t Totals, _ int) float64 { return t.quantile(0.99) }, false},
	{"cpu", func(g model.Guards) *float64 { return g.CPU },
		func(t Totals, _ int) float64 { return float64(t.CPU) / 1e3 / float64(max(t.Requests, 1)) }, false},
	{"memory", func(g model.Guards) *float64 { return g.Memory },
		func(t Totals, proxies int) float64 { return float64(t.Memory) / float64(max(proxies, 1)) }, false},
}

// read compares. Until enough requests were answered it says nothing.
func (m measure) read(with, without group, enough int64, limit float64) Reading {
	r := Reading{Guard: m.name, State: Unknown}
	if with.proxies == 0 || with.now.Requests < enough {
		r.Detail = fmt.Sprintf("%d of %d requests with the new version", with.now.Requests, enough)
		return r
	}
	r.New = m.of(with.now, with.proxies)
	expected, ok := m.expected(with, without, enough)
	if !ok || expected <= 0 && !m.added {
		r.Detail = "there is nothing to compare with: too few requests with the old version, now and before"
		return r
	}
	r.Expected, r.Limit = expected, expected*limit
	if m.added {
		r.Limit = expected + limit
	}
	if r.State = Good; r.New > r.Limit {
		r.State = Bad
	}
	return r
}

// expected is what the proxies with the new version would show with the old
// one: what they showed before, changed as that of the others has changed
// since. It lies between what they showed and what the others show now.
func (m measure) expected(with, without group, enough int64) (float64, bool) {
	known := func(t Totals, proxies int) bool { return proxies > 0 && t.Requests >= enough }
	others, own := known(without.now, without.proxies), known(with.before, with.earlier) && with.earlier == with.proxies
	theirs, was := m.of(without.now, without.proxies), m.of(with.before, with.earlier)
	switch {
	case others && own && known(without.before, without.earlier):
		then := m.of(without.before, without.earlier)
		out := was + theirs - then
		if !m.added {
			out = was * theirs / max(then, 1e-9)
		}
		return max(min(out, max(was, theirs)), min(was, theirs)), true
	case others:
		return theirs, true
	case own:
		return was, true
	}
	return 0, m.added // of errors none is expected
}

// enoughOf is how many requests say something.
func enoughOf(g model.Guards) int64 { return max(g.MinRequests, 1) }

// watched tells whether a step needs readings.
func watched(g model.Guards) bool {
	return g.MinRequests > 0 || g.ErrorRatio != nil || g.LatencyP99 != nil || g.CPU != nil || g.Memory != nil || g.Traps != nil
}
