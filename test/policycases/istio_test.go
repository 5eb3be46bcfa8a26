package policycases_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/explain"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/policycases"
	"github.com/krater-mesh/krater/test/policycases/envoyrunner"
	"github.com/krater-mesh/krater/xds/translate"
)

// declared is one file of Istio's policies.
type declared struct {
	Objects string             `json:"objects"`
	Cases   []policycases.Case `json:"cases"`
}

// TestIstioCorpus runs the published AuthorizationPolicies by explain's
// evaluator and by a real Envoy, which never asks.
func TestIstioCorpus(t *testing.T) {
	files, err := filepath.Glob("corpus/istio/*.yaml")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, error %v", len(files), err)
	}
	var suites []declared
	var units []envoyrunner.Unit
	for _, file := range files {
		s, unit := readDeclared(t, file)
		suites, units = append(suites, s), append(units, unit)
	}
	r := envoyrunner.Start(t, translate.Options{})
	for _, p := range r.Publish(units...) {
		t.Error(p)
	}
	client := r.Client()
	for i, s := range suites {
		t.Run(strings.TrimSuffix(filepath.Base(files[i]), ".yaml"), func(t *testing.T) {
			for _, c := range s.Cases {
				if allowed := explained(t, units[i].Authorization, c.Request); allowed != c.Want.Allowed {
					t.Errorf("%s: explain says %t", c.Name, allowed)
				}
				a, err := client.Send(i, c.Request)
				if err != nil {
					t.Fatal(err)
				}
				// RBAC's own words, as everybody knows them.
				if a.Upstream == nil && (a.Status != 403 || a.Body != "RBAC: access denied") || (a.Upstream != nil) != c.Want.Allowed || len(a.Asked) > 0 {
					t.Errorf("%s: %d %q, asked %d times", c.Name, a.Status, a.Body, len(a.Asked))
				}
			}
		})
	}
}

func readDeclared(t *testing.T, file string) (s declared, unit envoyrunner.Unit) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(text, &s); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	objects, _, problems := crds.Parse(file, []byte(s.Objects))
	for _, o := range objects {
		e, found := crds.Convert(o, crds.Options{})
		problems = append(problems, found...)
		if e.Content.Authorization != nil {
			unit.Authorization = append(unit.Authorization, *e.Content.Authorization)
		}
	}
	if problems.HasErrors() || len(unit.Authorization) == 0 {
		t.Fatalf("%s: %v", file, problems)
	}
	return s, unit
}

// explained is the verdict of the policies' reference evaluator: DENY, then
// ALLOW where there are such.
func explained(t *testing.T, policies []model.AuthorizationPolicy, r policycases.Request) bool {
	facts, err := connected(r).Facts()
	if err != nil {
		t.Fatal(err)
	}
	view := facts.View
	view.Principal, view.Remote, view.Claims = strings.TrimPrefix(facts.Principal, "spiffe://"), view.Peer, facts.Claims
	var list []*model.AuthorizationPolicy
	for _, p := range policies {
		p.Selector = model.Selector{}
		list = append(list, &p)
	}
	if _, rule := explain.Authorize(list, model.Deny, model.Workload{}, view); rule != "" {
		return false
	}
	results, rule := explain.Authorize(list, model.Allow, model.Workload{}, view)
	return len(results) == 0 || rule != ""
}
