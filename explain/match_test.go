package explain

import (
	"testing"

	"github.com/krater-mesh/krater/model"
)

func exact(v string) model.StringMatch { return model.StringMatch{Kind: model.Exact, Value: v} }

func pointer(m model.StringMatch) *model.StringMatch { return &m }

func TestMatchHTTP(t *testing.T) {
	v := View{Method: "GET", Scheme: "http", Authority: "a:80", Path: "/a/b?x=1&x=2&y=%61&z",
		Headers: Headers{"two": {"a", "b"}, "empty": {""}}}
	header := func(name string, m model.StringMatch, not bool) model.HTTPMatch {
		return model.HTTPMatch{Headers: []model.HeaderMatch{{Name: name, Match: m, Not: not}}}
	}
	query := func(name string, m model.StringMatch) model.HTTPMatch {
		return model.HTTPMatch{Query: []model.QueryMatch{{Name: name, Match: m}}}
	}
	present, everything := model.StringMatch{Kind: model.Present}, model.StringMatch{Kind: model.Regex, Value: ".*"}
	for name, c := range map[string]struct {
		match model.HTTPMatch
		why   string // "" is a match
	}{
		"nothing asked":              {model.HTTPMatch{}, ""},
		"path without query":         {model.HTTPMatch{Path: pointer(exact("/a/b"))}, ""},
		"regex is of the whole path": {model.HTTPMatch{Path: &model.StringMatch{Kind: model.Regex, Value: "/a"}}, `path "/a/b" is not regex "/a"`},
		"method is exact":            {model.HTTPMatch{Method: pointer(exact("get"))}, `method "GET" is not exact "get"`},
		"authority has its port":     {model.HTTPMatch{Authority: pointer(exact("a"))}, `authority "a:80" is not exact "a"`},
		"one of several":             {header("two", exact("b"), false), ""},
		"several do not join":        {header("two", exact("a,b"), false), `header two is "a" and "b", not exact "a,b"`},
		"absent":                     {header("none", everything, false), `header none is absent, not regex ".*"`},
		"empty is present":           {header("empty", present, false), ""},
		"not, absent":                {header("none", exact("a"), true), ""},
		"not, absent is as empty":    {header("none", everything, true), `header none is absent, and must not be regex ".*"`},
		"not present, absent":        {header("none", present, true), ""},
		"not, and one is":            {header("two", exact("b"), true), `header two is "a" and "b", and must not be exact "b"`},
		"first parameter":            {query("x", exact("2")), `query parameter x is "1", not exact "2"`},
		"parameter is not decoded":   {query("y", exact("a")), `query parameter y is "%61", not exact "a"`},
		"parameter without value":    {query("z", exact("")), ""},
		"parameter absent":           {query("n", present), "query parameter n is absent, not present"},
	} {
		if ok, why := MatchHTTP(c.match, v); why != c.why || ok != (c.why == "") {
			t.Errorf("%s: %t, %q; want %q", name, ok, why, c.why)
		}
	}
}

func TestMatchRouteOnProxy(t *testing.T) {
	at := Place{Proxy: model.Workload{Namespace: "shop", Labels: map[string]string{"app": "web"}}, Gateways: []string{"mesh"}, Port: 80}
	for name, c := range map[string]struct {
		match model.HTTPMatch
		want  bool
	}{
		"labels":          {model.HTTPMatch{SourceLabels: map[string]string{"app": "web"}}, true},
		"other labels":    {model.HTTPMatch{SourceLabels: map[string]string{"app": "api"}}, false},
		"namespace":       {model.HTTPMatch{SourceNamespace: "shop"}, true},
		"other namespace": {model.HTTPMatch{SourceNamespace: "bank"}, false},
		"port":            {model.HTTPMatch{Port: 80}, true},
		"other port":      {model.HTTPMatch{Port: 81}, false},
		"gateway":         {model.HTTPMatch{Gateways: []string{"a/b", "mesh"}}, true},
		"other gateway":   {model.HTTPMatch{Gateways: []string{"a/b"}}, false},
	} {
		if ok, why := MatchRoute(c.match, at, View{}); ok != c.want || ok == (why != "") {
			t.Errorf("%s: %t, %q", name, ok, why)
		}
	}
}

func TestTakesAll(t *testing.T) {
	root := model.StringMatch{Kind: model.Prefix, Value: "/", IgnoreCase: true} // "/" has no case
	if !takesAll(model.HTTPMatch{Path: &root}, Place{}) || takesAll(model.HTTPMatch{Path: pointer(exact("/"))}, Place{}) {
		t.Error("a prefix / takes all, the path / does not")
	}
	claims := model.HTTPMatch{Claims: []model.ClaimMatch{{Path: []string{"a"}, Match: exact("b"), Not: true}}}
	if takesAll(claims, Place{Gateways: []string{"a/b"}}) || !takesAll(claims, Place{Gateways: []string{model.MeshGateway}}) {
		t.Error("a claim that must not be may be at a gateway, and is none at a sidecar")
	}
}
