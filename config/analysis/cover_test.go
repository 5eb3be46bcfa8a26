package analysis

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/krater-mesh/krater/model"
)

// TestCoversIsTrue draws two matches and a request: what covers takes the
// request where the covered does.
func TestCoversIsTrue(t *testing.T) {
	covered := 0
	rapid.Check(t, func(rt *rapid.T) {
		a, b := drawMatch(rt, "a"), drawMatch(rt, "b")
		if rapid.Bool().Draw(rt, "alike") {
			b = alike(rt, a)
		}
		if !covers(a, b) {
			return
		}
		covered++
		for _, path := range requests {
			for i := range requests {
				for _, header := range []*string{nil, &requests[i]} {
					for _, port := range []uint32{80, 81} {
						if holds(b, path, header, port) && !holds(a, path, header, port) {
							rt.Fatalf("%+v is said to cover %+v, but not for %q, x: %v, port %d", a, b, path, header, port)
						}
					}
				}
			}
		}
	})
	if covered < 5 {
		t.Errorf("%d pairs of matches covered each other: the test shows nothing", covered)
	}
}

var texts = []string{"/", "/a", "/A", "/ab", "/a/b"}

// requests are paths, and values of the header.
var requests = []string{"/", "/a", "/A", "/ab", "/AB", "/a/b", "/a/B", "/abb", "/b", "/Ab/B"}

func drawText(rt *rapid.T, label string) model.StringMatch {
	m := model.StringMatch{Kind: rapid.SampledFrom([]model.MatchKind{model.Exact, model.Prefix, model.Suffix, model.Regex, model.Present}).Draw(rt, label+" kind"),
		Value: rapid.SampledFrom(texts).Draw(rt, label), IgnoreCase: rapid.Bool().Draw(rt, label+" ignores case")}
	switch m.Kind {
	case model.Regex:
		m.Value = rapid.SampledFrom([]string{".*", "/a.*", "/.*b", "/a"}).Draw(rt, label+" regex")
	case model.Present:
		m.Value = ""
	}
	return m
}

func drawMatch(rt *rapid.T, label string) model.HTTPMatch {
	var out model.HTTPMatch
	if rapid.Bool().Draw(rt, label+" has a path") {
		m := drawText(rt, label+" path")
		out.Path = &m
	}
	if rapid.Bool().Draw(rt, label+" has a header") {
		out.Headers = []model.HeaderMatch{{Name: "x", Match: drawText(rt, label+" header"), Not: rapid.Bool().Draw(rt, label+" not")}}
	}
	out.Port = rapid.SampledFrom([]uint32{0, 0, 80}).Draw(rt, label+" port")
	return out
}

// alike changes one thing or another of a match.
func alike(rt *rapid.T, a model.HTTPMatch) model.HTTPMatch {
	change := func(m model.StringMatch, label string) model.StringMatch {
		m.IgnoreCase = m.IgnoreCase != rapid.Bool().Draw(rt, label+" flips case")
		if m.Kind != model.Regex && m.Kind != model.Present {
			m.Value += rapid.SampledFrom([]string{"", "b", "/B"}).Draw(rt, label+" goes on")
			m.Kind = rapid.SampledFrom([]model.MatchKind{m.Kind, model.Exact}).Draw(rt, label+" becomes")
		}
		return m
	}
	if a.Path != nil {
		p := change(*a.Path, "path")
		a.Path = &p
	}
	if len(a.Headers) > 0 {
		h := a.Headers[0]
		h.Match = change(h.Match, "header")
		a.Headers = []model.HeaderMatch{h}
	}
	return a
}

func holds(m model.HTTPMatch, path string, header *string, port uint32) bool {
	if m.Path != nil && !m.Path.Matches(path) || m.Port != 0 && m.Port != port {
		return false
	}
	for _, h := range m.Headers {
		if (header != nil && h.Match.Matches(*header)) == h.Not {
			return false
		}
	}
	return true
}
