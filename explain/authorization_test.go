package explain

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/krater-mesh/krater/model"
)

func TestMatchRule(t *testing.T) {
	v := View{Method: "GET", Authority: "Shop.example:8080", Path: "/a?b=/secret", Port: 9080, Peer: "127.80.0.2", Remote: "10.0.0.9",
		Headers: Headers{"a": {"1"}}}
	operation := func(o model.Operation) model.AuthorizationRule {
		return model.AuthorizationRule{To: []model.Operation{o}}
	}
	source := func(s model.Source) model.AuthorizationRule { return model.AuthorizationRule{From: []model.Source{s}} }
	when := func(c model.Condition) model.AuthorizationRule {
		return model.AuthorizationRule{When: []model.Condition{c}}
	}
	list := func(texts ...string) (out []model.StringMatch) {
		for _, text := range texts {
			out = append(out, exact(text))
		}
		return out
	}
	present := []model.StringMatch{{Kind: model.Present}}
	for name, c := range map[string]struct {
		rule model.AuthorizationRule
		want bool
	}{
		"empty rule":             {model.AuthorizationRule{}, true},
		"host without port":      {operation(model.Operation{Hosts: list("shop.EXAMPLE")}), true},
		"host with port":         {operation(model.Operation{Hosts: list("shop.example:8080")}), true},
		"host with another port": {operation(model.Operation{Hosts: list("shop.example:80")}), false},
		"not host":               {operation(model.Operation{NotHosts: list("shop.example")}), false},
		"path":                   {operation(model.Operation{Paths: list("/a")}), true},
		"not path":               {operation(model.Operation{NotPaths: list("/b")}), true},
		"path in the query":      {operation(model.Operation{Paths: []model.StringMatch{{Kind: model.Suffix, Value: "/secret"}}}), false},
		"port":                   {operation(model.Operation{Ports: []uint32{9080}}), true},
		"not port":               {operation(model.Operation{NotPorts: []uint32{9080}}), false},
		"all of an operation":    {operation(model.Operation{Paths: list("/a"), Methods: list("POST")}), false},
		"one of the operations":  {model.AuthorizationRule{To: []model.Operation{{Methods: list("POST")}, {Methods: list("GET")}}}, true},
		"peer":                   {source(model.Source{IPBlocks: []string{"10.0.0.0/8", "127.80.0.0/16"}}), true},
		"peer is not the client": {source(model.Source{IPBlocks: []string{"10.0.0.0/8"}}), false},
		"client":                 {source(model.Source{RemoteIPBlocks: []string{"10.0.0.9"}}), true},
		"not client":             {source(model.Source{NotRemoteIPBlocks: []string{"10.0.0.0/24"}}), false},
		"value":                  {when(model.Condition{Header: "a", Values: list("2", "1")}), true},
		"value, absent":          {when(model.Condition{Header: "n", Values: list("")}), false},
		"any value, absent":      {when(model.Condition{Header: "n", Values: present}), false},
		"not value, absent":      {when(model.Condition{Header: "n", NotValues: present}), true},
		"not value":              {when(model.Condition{Header: "a", NotValues: list("1")}), false},
	} {
		if ok, why := MatchRule(c.rule, v); ok != c.want || ok == (why != "") {
			t.Errorf("%s: %t, %q", name, ok, why)
		}
	}
}

// drawPolicies gives a mesh's policies for one workload, few words each, so
// that they match often.
func drawPolicies(t *rapid.T) []*model.AuthorizationPolicy {
	word := rapid.SampledFrom([]string{"a", "b", "c"})
	matches := rapid.Custom(func(t *rapid.T) []model.StringMatch {
		return []model.StringMatch{exact(word.Draw(t, "value"))}
	})
	rule := rapid.Custom(func(t *rapid.T) model.AuthorizationRule {
		c := model.Condition{Header: word.Draw(t, "header")}
		if rapid.Bool().Draw(t, "not") {
			c.NotValues = matches.Draw(t, "notValues")
		} else {
			c.Values = matches.Draw(t, "values")
		}
		return model.AuthorizationRule{When: []model.Condition{c}}
	})
	policy := rapid.Custom(func(t *rapid.T) *model.AuthorizationPolicy {
		return &model.AuthorizationPolicy{
			Object: model.Ref{Kind: "AuthorizationPolicy", Namespace: "default", Name: rapid.StringMatching("[a-z]{6}").Draw(t, "name")},
			Action: rapid.SampledFrom([]model.Action{model.Allow, model.Deny}).Draw(t, "action"),
			Rules:  rapid.SliceOfN(rule, 0, 3).Draw(t, "rules"),
		}
	})
	return rapid.SliceOfN(policy, 0, 5).Draw(t, "policies")
}

func drawView(t *rapid.T) View {
	word := rapid.SampledFrom([]string{"a", "b", "c"})
	headers := Headers{}
	for _, name := range rapid.SliceOf(word).Draw(t, "headers") {
		headers[name] = append(headers[name], word.Draw(t, "value"))
	}
	return View{Method: "GET", Path: "/", Headers: headers}
}

// verdictOf runs a chain of nothing but policies; nil: it lets pass.
func verdictOf(policies []*model.AuthorizationPolicy, v View) *Verdict {
	e := &explainer{snap: &model.Snapshot{Authorization: policies}}
	return e.pass(model.Workload{Namespace: "default", Name: "w"}, RoleServer, v).verdict
}

func TestDenyAlwaysWins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policies, v := drawPolicies(t), drawView(t)
		_, rule := Authorize(policies, model.Deny, model.Workload{Namespace: "default"}, v)
		got := verdictOf(policies, v)
		if rule != "" && (got == nil || got.Decision.Rule != rule) {
			t.Fatalf("%s matches, and the verdict is %+v", rule, got)
		}
		open := model.AuthorizationPolicy{Action: model.Allow, Rules: []model.AuthorizationRule{{}}}
		with := verdictOf(append(slices.Clone(policies), &open), v)
		if (with == nil) != (rule == "") {
			t.Fatalf("with a policy that allows everything: %+v; DENY rule %q", with, rule)
		}
	})
}

func TestRuleThatDoesNotMatchChangesNothing(t *testing.T) {
	never := model.AuthorizationRule{When: []model.Condition{{Header: "never-sent", Values: []model.StringMatch{{Kind: model.Present}}}}}
	rapid.Check(t, func(t *rapid.T) {
		policies, v := drawPolicies(t), drawView(t)
		before := verdictOf(policies, v)
		for i := range policies {
			policies[i].Rules = append(slices.Clone(policies[i].Rules), never)
		}
		after := verdictOf(policies, v)
		if before != nil && after != nil {
			before.Decision.PolicySet, after.Decision.PolicySet = "", "" // a new set of policies, of course
		}
		if (before == nil) != (after == nil) || before != nil && *before.Decision != *after.Decision {
			t.Fatalf("before %+v, after %+v", before, after)
		}
	})
}
