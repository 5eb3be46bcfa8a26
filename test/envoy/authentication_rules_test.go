package envoy_test

import (
	"strings"
	"testing"

	"github.com/krater-mesh/krater/model"
)

// TestRulesAgree: several issuers, places and outputs on one workload; keys
// that never came; and what stands in for bad objects.
func TestRulesAgree(t *testing.T) {
	w := newTokenWorld(t)
	a, b, nobody := newIssuer(t, "https://a.test"), newIssuer(t, "https://b.test"), newIssuer(t, "https://nobody.test")
	of := func(i *issuer) model.JWTRule { return model.JWTRule{Issuer: i.name, Keys: i.keys(t)} }
	with := func(r model.JWTRule, change func(*model.JWTRule)) model.JWTRule { change(&r); return r }
	object := func(rules ...model.JWTRule) *model.RequestAuthentication {
		return &model.RequestAuthentication{Rules: rules}
	}
	tokens := map[string]string{
		"a": a.token("RS256", map[string]any{"role": "admin", "org": map[string]any{"unit": "x"}, "n": 7, "flag": true, "list": []any{"p", 1}, "part": 1.5, "big": 1 << 54}),
		"b": b.token("ES256", map[string]any{"scope": "read write", "role": []any{"user", "admin"}, "n": -3.25}), "nobody": nobody.token("RS256", nil),
		"forged a": nobody.sign("RS256", `{"alg":"RS256","kid":"rsa"}`, `{"iss":"https://a.test","sub":"root"}`), "broken": "x.y.z",
		"words": b.token("EdDSA", map[string]any{"scope": "  write   read ", "groups": "one two", "role": "adminx"}),
	}
	bearer := func(name string) [2]string { return [2]string{"Authorization", "Bearer " + tokens[name]} }
	in := func(header, name string) [2]string { return [2]string{header, tokens[name]} }
	forged := [][2]string{{"X-User", "root"}, {"X-Claims", "forged"}, {"X-Unit", "forged"}, {"X-Other", "forged"}}
	outputs := func(r *model.JWTRule) {
		r.PayloadHeader = "x-claims"
		r.ClaimHeaders = []model.ClaimHeader{{Header: "x-user", Claim: "sub"}, {Header: "x-unit", Claim: "org.unit"}, {Header: "x-n", Claim: "n"}, {Header: "x-flag", Claim: "flag"},
			{Header: "x-list", Claim: "list"}, {Header: "x-object", Claim: "org"}, {Header: "x-part", Claim: "part"}}
	}
	elsewhere := func(r *model.JWTRule) {
		r.Headers, r.ClaimHeaders = []model.TokenHeader{{Name: "x-token"}}, []model.ClaimHeader{{Header: "x-other", Claim: "sub"}}
	}
	for _, c := range []struct {
		name    string
		objects []*model.RequestAuthentication
		// wanted is by the name of a request: status, and whom the route took it to.
		wanted map[string]string
	}{
		{"one issuer, all outputs", []*model.RequestAuthentication{object(with(of(a), outputs))},
			map[string]string{"none": "200 v1", "a": "200 v2", "b": "401", "nobody": "401", "forged a": "401", "broken": "401"}},
		{"the token goes on", []*model.RequestAuthentication{object(with(of(a), func(r *model.JWTRule) { r.Forward = true }))}, map[string]string{"a": "200 v2"}},
		{"two issuers at one place", []*model.RequestAuthentication{object(with(of(a), outputs)), object(with(of(b), func(r *model.JWTRule) { r.ClaimHeaders = []model.ClaimHeader{{Header: "x-other", Claim: "n"}} }))},
			map[string]string{"a": "200 v2", "b": "200 v2", "words": "200 v3", "nobody": "401", "forged a": "401", "none": "200 v1"}},
		{"two places", []*model.RequestAuthentication{object(with(of(a), outputs), with(of(b), elsewhere))},
			map[string]string{"a": "200 v2", "b": "401", "a, and b elsewhere": "200 v2", "a, and broken elsewhere": "401", "b elsewhere": "200 v2", "forged a, and b elsewhere": "401", "none": "200 v1"}},
		{"two places, one header", []*model.RequestAuthentication{object(with(of(a), outputs), with(of(b), func(r *model.JWTRule) { elsewhere(r); outputs(r) }))},
			map[string]string{"a": "200 v2", "b elsewhere": "200 v2", "none": "200 v1"}},
		{"one issuer twice", []*model.RequestAuthentication{object(with(of(a), func(r *model.JWTRule) { r.Keys = b.keys(t) }), of(a))}, map[string]string{"a": "200 v2", "forged a": "401"}},
		{"claims with spaces", []*model.RequestAuthentication{object(with(of(b), func(r *model.JWTRule) { r.SpaceDelimited = []string{"role"} }))}, map[string]string{"words": "200 v3"}},
		{"keys that never came", []*model.RequestAuthentication{object(with(of(a), func(r *model.JWTRule) { r.Keys, r.KeysURL = "", "https://keys.test" }), of(b))},
			map[string]string{"a": "401", "b": "200 v2", "none": "200 v1"}},
		{"only keys that never came", []*model.RequestAuthentication{object(with(of(a), func(r *model.JWTRule) { r.Keys, r.KeysURL = "", "https://keys.test" }))}, map[string]string{"a": "401", "none": "200 v1"}},
		{"a bad object", []*model.RequestAuthentication{{Substitute: true, Rules: []model.JWTRule{{PayloadHeader: "x-claims"}}}},
			map[string]string{"a": "401", "broken": "401", "none": "200 v1", "b elsewhere": "200 v1"}},
		{"a bad object beside a good one", []*model.RequestAuthentication{object(of(b)), {Substitute: true, Rules: []model.JWTRule{{}}}}, map[string]string{"a": "401", "b": "200 v2", "none": "200 v1"}},
		{"an unreadable object", []*model.RequestAuthentication{{Substitute: true, RefuseAll: true}}, map[string]string{"a": "401", "none": "401"}},
		{"an unreadable object beside a good one", []*model.RequestAuthentication{object(of(b)), {Substitute: true, RefuseAll: true}}, map[string]string{"b": "401", "none": "401", "b elsewhere": "401"}},
		{"no rules", []*model.RequestAuthentication{object()}, map[string]string{"a": "200 v1", "none": "200 v1"}},
		{"nothing", nil, map[string]string{"a": "200 v1"}},
	} {
		w.authenticate(c.objects...)
		for name, headers := range map[string][][2]string{
			"none": {}, "a": {bearer("a")}, "b": {bearer("b")}, "nobody": {bearer("nobody")}, "forged a": {bearer("forged a")}, "broken": {bearer("broken")}, "words": {bearer("words")},
			"a, and b elsewhere": {bearer("a"), in("X-Token", "b")}, "a, and broken elsewhere": {bearer("a"), in("X-Token", "broken")}, "b elsewhere": {in("X-Token", "b")},
			"forged a, and b elsewhere": {bearer("forged a"), in("X-Token", "b")},
		} {
			r := tokenRequest{name: c.name + ": " + name, headers: append(forged, headers...)}
			for _, token := range tokens {
				r.hide = append(append(r.hide, token), payloadOf(token)...)
			}
			got := w.compare(r)
			status := strings.Fields(got.String())[0]
			if want := c.wanted[name]; want != "" && want != status && want != status+" "+got.who {
				t.Errorf("%s: %s, want %s", r.name, got, want)
			}
			for _, name := range []string{"x-user", "x-claims", "x-unit", "x-other"} {
				if v := got.headers[name]; got.status == 200 && len(c.objects) > 0 && writes(c.objects, name) && (v == "root" || v == "forged") {
					t.Errorf("%s: the client's own %s passes", r.name, name)
				}
			}
		}
	}
	for _, r := range []tokenRequest{{name: "all of it", method: "OPTIONS", path: "*"}} {
		w.authenticate(&model.RequestAuthentication{Substitute: true, RefuseAll: true})
		r.headers = [][2]string{bearer("a")}
		if got := w.ask(r); got.status == 200 {
			t.Errorf("%s: %s", r.name, got)
		}
	}
	t.Log(w.tally)
}

func writes(objects []*model.RequestAuthentication, name string) bool {
	for _, a := range objects {
		for _, r := range a.Rules {
			for _, o := range r.Outputs() {
				if o == name {
					return true
				}
			}
		}
	}
	return false
}
