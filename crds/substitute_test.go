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
