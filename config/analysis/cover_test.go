package analysis

import (
	"strings"
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
		if !covers(a, b) {
			return
		}
		covered++
		path, header, port := drawPath(rt), drawHeader(rt), rapid.SampledFrom([]uint32{80, 81}).Draw(rt, "port")
		if holds(b, path, header, port) && !holds(a, path, header, port) {
			rt.Fatalf("%+v is said to cover %+v, but not for %q, x: %v, port %d", a, b, path, header, port)
		}
	})
	if covered < 5 {
		t.Errorf("%d pairs of matches covered each other: the test shows nothing", covered)
	}
}

var texts = []string{"/", "/a", "/A", "/ab", "/a/b", "/a/B/c"}

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

func drawPath(rt *rapid.T) string {
	p := rapid.SampledFrom(texts).Draw(rt, "path") + rapid.SampledFrom([]string{"", "b", "/B"}).Draw(rt, "more")
	if rapid.Bool().Draw(rt, "upper case") {
		p = strings.ToUpper(p)
	}
	return p
}

// drawHeader is nil where the request has none.
func drawHeader(rt *rapid.T) *string {
	if rapid.Bool().Draw(rt, "without the header") {
		return nil
	}
	v := drawPath(rt)
	return &v
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
