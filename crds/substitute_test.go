package crds_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

func TestSubstituteDeniesWhatIsSelected(t *testing.T) {
	const policy = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: x, namespace: n}\nspec: "
	for spec, want := range map[string]map[string]string{
		"{selector: {matchLabels: {app: a}}, rules: 1}":        {"app": "a"},
		"{selector: {matchLabels: {app: 1}}}":                  nil,
		"{selector: {matchLabels: {app: 'a*'}}}":               nil,
		"{selector: {matchLabels: {app: a}, expressions: []}}": nil,
		"{selector: [app]}":                                    nil,
		"{targetRefs: []}":                                     nil,
		"7":                                                    nil,
	} {
		e, ok := crds.Substitute(parseText(t, policy+spec+"\n"))
		if !ok {
			t.Errorf("%s: no substitute", spec)
			continue
		}
		got := e.Content.Authorization
		if diff := cmp.Diff(model.Selector{Namespace: "n", Labels: want}, got.Selector); diff != "" {
			t.Errorf("%s: %s", spec, diff)
		}
		if got.Action != model.Deny || len(got.Rules) != 1 || !got.Substitute {
			t.Errorf("%s: %+v", spec, got)
		}
	}
	for _, text := range []string{
		"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: x}\n",
		"apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: x, annotations: {istio.io/dry-run: 'true'}}\n",
		"apiVersion: krater.dev/v1alpha1\nkind: RegoPolicy\nmetadata: {name: x}\nspec: {mode: Shadow, query: 7}\n",
	} {
		if _, ok := crds.Substitute(parseText(t, text)); ok {
			t.Errorf("a substitute for %s", text)
		}
	}
}

// TestNoTokenHoldsWithoutItsObject: what stands in for a bad
// RequestAuthentication looks where that looks, and writes what that writes;
// where it cannot be read where that is, no request passes.
func TestNoTokenHoldsWithoutItsObject(t *testing.T) {
	const object = "apiVersion: security.istio.io/v1\nkind: RequestAuthentication\nmetadata: {name: x, namespace: n, annotations: {istio.io/dry-run: 'true'}}\nspec: {selector: {matchLabels: {app: a}}, jwtRules: "
	for rules, want := range map[string]*model.JWTRule{
		"[{issuer: 7}]": {},
		"[{issuer: a, jwks: broken, audiences: {}}]":        {},
		"[{fromHeaders: [{name: X-A, prefix: 'P '}]}]":      {Headers: []model.TokenHeader{{Name: "x-a", Prefix: "P "}}},
		"[{fromParams: [p], fromCookies: [c]}]":             {Params: []string{"p"}, Cookies: []string{"c"}},
		"[{outputPayloadToHeader: X-P}]":                    {PayloadHeader: "x-p"},
		"[{outputClaimToHeaders: [{header: X, claim: 7}]}]": {ClaimHeaders: []model.ClaimHeader{{Header: "x", Claim: "sub"}}},
		"7": nil, "[]": nil, "[7]": nil, "[{fromHeader: [{name: x}]}]": nil, "[{fromHeaders: [{nam: x}]}]": nil, "[{fromHeaders: {name: x}}]": nil,
		"[{fromHeaders: [{name: 'a b'}]}]": nil, "[{fromParams: [7]}]": nil, "[{fromCookies: c}]": nil, "[{outputPayloadToHeader: [x]}]": nil, "[{from_params: [p]}]": nil,
		"[{outputClaimToHeaders: [{claim: x}]}]": nil, "[{issuer: a}, {x: y}]": nil,
	} {
		e, ok := crds.Substitute(parseText(t, object+rules+"}\n"))
		if !ok || !e.Content.Substitutes() {
			t.Fatalf("%s: no substitute", rules)
		}
		got := e.Content.RequestAuthentication
		if got.RefuseAll != (want == nil) || got.Selector.Labels["app"] != "a" {
			t.Errorf("%s: %+v", rules, got)
		} else if want != nil {
			if diff := cmp.Diff([]model.JWTRule{*want}, got.Rules); diff != "" {
				t.Errorf("%s: %s", rules, diff)
			}
		}
	}
}
