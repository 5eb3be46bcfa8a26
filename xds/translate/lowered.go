package translate

import (
	"strconv"

	matcherv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	rbacconfigv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	statev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/common/set_filter_state/v3"
	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"

	"github.com/krater-mesh/krater/model"
)

// classified is a RegoPolicy of a workload, and what the proxy finds out of it
// by itself: for each request allow, deny or ask, under a metadata key of the
// policy's own. A later policy's verdict must not hide an earlier one's.
type classified struct {
	*model.RegoPolicy
	filter *rbacv3.RBAC // nil: always ask
	denies bool         // some rule does
	asks   bool         // some rule does, or none may hold
}

// verdictKey is the metadata key, in RBAC's namespace, of a policy's verdict:
// "VERDICT|RULE", and "deny#N|RULE" where Lowered.Answers[N-1] is the answer.
func verdictKey(p *model.RegoPolicy) string { return statPrefix(p) + "shadow_effective_policy_id" }

func statPrefix(p *model.RegoPolicy) string {
	if p.Mode == model.Shadow {
		return "rego-shadow/" + p.Object.Key() + "/"
	}
	return "rego/" + p.Object.Key() + "/"
}

func verdictOf(r model.LoweredRule) string {
	if r.Verdict == model.VerdictDeny && r.Answer > 0 {
		return "deny#" + strconv.Itoa(r.Answer)
	}
	return string(r.Verdict)
}

// classify makes the rules of a policy one matcher, and adds what it reads to
// what is written down before. A policy with a test that the proxy has not got
// is asked.
func (p *proxy) classify(policy *model.RegoPolicy, states *[]*statev3.FilterStateValue) classified {
	out := classified{RegoPolicy: policy, asks: true}
	tests := &loweredTests{loweredInputs: loweredInputs{p: p, states: *states}}
	var rules []treeRule
	asks, denies := false, false
	for _, r := range append(policy.Lowered.Rules[:len(policy.Lowered.Rules):len(policy.Lowered.Rules)], model.LoweredRule{Verdict: model.VerdictAsk, When: constant(true)}) {
		when := fold(r.When, tests.known)
		if never(when) {
			continue
		}
		verdict := verdictOf(r)
		rules = append(rules, treeRule{when: when, answer: verdict, then: verdictAction(verdict + "|" + r.Rule)})
		asks, denies = asks || r.Verdict == model.VerdictAsk, denies || r.Verdict == model.VerdictDeny
		if always(when) {
			break
		}
	}
	matcher := treeBuilder{input: tests.text, test: tests.test}.matcher(rules)
	if tests.cannot != "" {
		p.problem(model.Warning, model.CodeNotSupported, policy.Object, "spec", "the proxy cannot test "+tests.cannot+": policyd is asked", "")
		return out
	}
	*states = tests.states
	out.filter = &rbacv3.RBAC{ShadowMatcher: matcher, ShadowRulesStatPrefix: statPrefix(policy)}
	out.asks, out.denies = asks, denies
	return out
}

// verdictAction ends a matcher: RBAC writes the name down, and lets all pass.
func verdictAction(name string) *matcherv3.Matcher_OnMatch {
	return &matcherv3.Matcher_OnMatch{OnMatch: &matcherv3.Matcher_OnMatch_Action{
		Action: typed("verdict", &rbacconfigv3.Action{Name: name, Action: rbacconfigv3.RBAC_ALLOW})}}
}

// regoFilters are what decides by RegoPolicies, and what it has written down
// before.
type regoFilters struct {
	filters filters
	states  []*statev3.FilterStateValue
	ages    []model.Duration // of the configuration that is young enough
}

// regoPolicies are the filters that decide by a workload's RegoPolicies: each
// that is lowered is classified, and then the first that does not allow
// decides. Those in shadow come first, since a denial ends a request.
func (p *proxy) regoPolicies(policies []model.RegoPolicy, policySet string) (filters, []*statev3.FilterStateValue) {
	if p.made != nil {
		return p.made.filters, p.made.states
	}
	var out filters
	var states []*statev3.FilterStateValue
	var enforced, shadow []classified
	var fitting []*model.RegoPolicy
	for i := range policies {
		fitting = append(fitting, &policies[i])
	}
	native := p.mesh.Lowering.Native(fitting)
	for i := range policies {
		c := classified{RegoPolicy: &policies[i], asks: true}
		if native[i] {
			c = p.classify(&policies[i], &states)
		}
		if c.Mode == model.Shadow {
			shadow = append(shadow, c)
		} else {
			enforced = append(enforced, c)
		}
	}
	enforced = untilAsked(enforced)
	for _, c := range append(shadow, enforced...) {
		if c.filter != nil {
			out = append(out, extension(filterRBAC, c.filter))
		}
	}
	out = append(out, p.shadowQuestion(shadow, policySet)...)
	out = append(out, p.decide(enforced, policySet, &states)...)
	p.made = &regoFilters{out, states, agesOf(append(shadow, enforced...))}
	return out, states
}

// untilAsked takes what no verdict of the proxy's could matter of for a
// question: behind a policy that is always asked and fails closed.
func untilAsked(policies []classified) []classified {
	for i, c := range policies {
		if c.filter == nil && c.Failure != model.FailOpen {
			for j := i + 1; j < len(policies); j++ {
				policies[j] = classified{RegoPolicy: policies[j].RegoPolicy, asks: true}
			}
		}
	}
	return policies
}
