package explain

import (
	"strings"
	"testing"

	"github.com/krater-mesh/krater/model"
)

// deciding is a Decider that allows, and counts whom it was asked about.
type deciding struct{}

func (deciding) Decide(model.RegoPolicy, model.Workload, View) Answer {
	return Answer{Allowed: true, Set: map[string][]string{"x-asked": {"yes"}}}
}

func headerRule(rule, value string, verdict model.Verdict) model.LoweredRule {
	return model.LoweredRule{Rule: rule, Verdict: verdict, When: model.Predicate{Op: model.OpTest, Test: &model.Test{
		Input: model.ProxyInput{Kind: model.InputHeader, Name: "x-says"}, How: model.TestIn, Values: []string{value}}}}
}

// TestWhoDecidesRegoPolicies: a proxy decides what it has the rules of, and the
// room for; from the first question on policyd is asked about all.
func TestWhoDecidesRegoPolicies(t *testing.T) {
	policy := func(name string, mode model.Mode, rules ...model.LoweredRule) *model.RegoPolicy {
		return &model.RegoPolicy{Object: model.Ref{Kind: "RegoPolicy", Namespace: "a", Name: name}, Query: "data.a.allow", Mode: mode,
			Lowered: &model.Lowered{Rules: rules, Answers: []model.LoweredAnswer{{Status: 404}}}}
	}
	long := policy("long", model.Enforce, headerRule("r", strings.Repeat("x", 1<<20), model.VerdictAllow), headerRule("r", "allow", model.VerdictAllow))
	native := policy("native", model.Enforce, headerRule("n:1", "allow", model.VerdictAllow), headerRule("n:2", "deny", model.VerdictDeny),
		model.LoweredRule{Rule: "n:3", Verdict: model.VerdictDeny, Answer: 1, When: headerRule("", "gone", model.VerdictDeny).When})
	guarded := policy("guarded", model.Enforce, headerRule("guard", "ask", model.VerdictAsk), headerRule("g:1", "allow", model.VerdictAllow),
		headerRule("g:2", "deny", model.VerdictAllow))
	shadow := policy("shadow", model.Shadow, model.LoweredRule{Rule: "default", Verdict: model.VerdictDeny, When: model.Predicate{Op: model.OpAll}})
	never := policy("never", model.Enforce, headerRule("n:1", "allow", model.VerdictDeny))
	never.Lower = model.LowerNever
	for _, c := range []struct {
		name     string
		policies []*model.RegoPolicy
		says     string
		want     string // each policy's place and verdict
		status   uint32 // 0: no verdict
	}{
		{"natively", []*model.RegoPolicy{native, guarded}, "allow", "native allow n:1, native allow g:1", 0},
		{"the first denies", []*model.RegoPolicy{native, guarded}, "deny", "native deny n:2", 403},
		{"with its answer", []*model.RegoPolicy{native}, "gone", "native deny n:3", 404},
		{"the second is asked: both are", []*model.RegoPolicy{never, native}, "allow", "daemon allow data.a.allow, daemon allow data.a.allow", 0},
		{"a guard", []*model.RegoPolicy{guarded}, "ask", "daemon allow data.a.allow", 0},
		{"no rule", []*model.RegoPolicy{native}, "nothing", "daemon allow data.a.allow", 0},
		{"no room", []*model.RegoPolicy{long, native}, "allow", "daemon allow data.a.allow, daemon allow data.a.allow", 0},
		{"in shadow", []*model.RegoPolicy{shadow, native}, "allow", "shadow native deny default, native allow n:1", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := passage{e: &explainer{snap: &model.Snapshot{Rego: c.policies}, decider: deciding{}}, view: View{Headers: Headers{"x-says": {c.says}}}}
			p.rego()
			var have []string
			for _, s := range p.hop.Chain {
				r := s.Rego
				text := map[bool]string{true: "shadow "}[r.Shadow] + string(r.Place) + map[bool]string{true: " allow ", false: " deny "}[r.Allowed]
				have = append(have, text+r.Rule[strings.LastIndex(r.Rule, "/")+1:])
			}
			if got := strings.Join(have, ", "); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			status := uint32(0)
			if p.verdict != nil {
				status = p.verdict.Status
			}
			if status != c.status {
				t.Errorf("the verdict is %d, want %d", status, c.status)
			}
			if asked := strings.Contains(c.want, "daemon"); asked != (p.view.Headers["x-asked"] != nil) {
				t.Errorf("what policyd sets, is set: %v", !asked)
			}
		})
	}
}
