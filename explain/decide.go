package explain

import (
	"slices"

	"github.com/krater-mesh/krater/model"
)

// Decider answers for RegoPolicies: cmd wires policyd's evaluator.
type Decider interface {
	// Decide gives a policy's answer to a request as the workload's proxy
	// sees it. What has no verdict follows the policy's failure mode.
	Decide(policy model.RegoPolicy, w model.Workload, v View) Answer
}

// Answer is a RegoPolicy's.
type Answer struct {
	Allowed bool
	Status  uint32 // of a denial; 0: 403
	Reason  string // why, in the policy's words or the failure's; may be empty
	// Set and Remove are what an allowed request's headers become.
	Set    map[string][]string
	Remove []string
	// Trace is how the policy came to it, where that was asked for.
	Trace []string
}

// RegoResult is what one RegoPolicy says.
type RegoResult struct {
	Policy  string      `json:"policy"`           // "RegoPolicy namespace/name"
	Rule    string      `json:"rule"`             // its query; of a decision of the proxy's own the rule's id
	Place   model.Place `json:"place,omitempty"`  // who decides; empty: nobody
	Shadow  bool        `json:"shadow,omitempty"` // it only would
	Asked   bool        `json:"asked"`            // false: nobody there to ask, or an earlier one denied
	Allowed bool        `json:"allowed"`
	Status  uint32      `json:"status,omitempty"`
	Reason  string      `json:"reason,omitempty"`
	// Within: the proxy allows by itself as long as it had the newest
	// configuration within that time, and then asks; 0: it does not matter.
	Within model.Duration `json:"within,omitempty"`
	// Trace is OPA's account of the evaluation, where it was asked for.
	Trace []string `json:"trace,omitempty"`
}

// authorization is AUDIT, which decides nothing, then DENY, then RegoPolicies,
// then ALLOW.
func (p *passage) authorization() {
	if p.role == RoleClient {
		return
	}
	p.dryRun(model.Audit, "mark")
	results, _ := p.authorize(model.Audit)
	p.policies(results)
	p.dryRun(model.Deny, "deny")
	results, rule := p.authorize(model.Deny)
	p.policies(results)
	if rule != "" {
		p.refuse(owner(results, rule), rule, "a DENY rule matches")
		return
	}
	if p.rego(); p.verdict != nil {
		return
	}
	p.allow()
}

func (p *passage) authorize(action model.Action) ([]PolicyResult, string) {
	return Authorize(p.e.snap.Authorization, action, p.w, p.view)
}

// dryRun tells what the policies of an action that only record would do, of
// which any one that matches is enough.
func (p *passage) dryRun(action model.Action, would string) {
	results, _ := DryRun(p.e.snap.Authorization, action, p.w, p.view)
	for i := range results {
		if results[i].Matched {
			results[i].Would = would
		}
	}
	p.policies(results)
}

func (p *passage) allow() {
	results, rule := p.authorize(model.Allow)
	p.dryAllow(len(results) > 0, rule != "")
	p.policies(results)
	switch {
	case len(results) == 0:
	case rule != "":
		p.decision = &model.Decision{Policy: owner(results, rule), Rule: rule, Place: model.Native, PolicySet: p.policySet(), Allowed: true}
	case len(results) == 1:
		p.refuse(results[0].Policy, model.ImplicitDeny, "no ALLOW rule matches")
	default:
		p.refuse("", model.ImplicitDeny, "no rule of any ALLOW policy matches")
	}
}

// dryAllow is dryRun for ALLOW, whose policies count together: they would deny
// only where nothing that is in force allows, and allow only what that denies.
func (p *passage) dryAllow(some, allowed bool) {
	results, rule := DryRun(p.e.snap.Authorization, model.Allow, p.w, p.view)
	for i, r := range results {
		switch {
		case !some && rule == "":
			results[i].Would = "deny"
		case some && !allowed && r.Matched:
			results[i].Would = "allow"
		}
	}
	p.policies(results)
}

func (p *passage) policySet() string { return PolicySet(p.e.snap, p.w) }

func (p *passage) policies(results []PolicyResult) {
	for i := range results {
		p.step(Step{Slot: "authorization", Policy: &results[i]})
	}
}

// owner is the policy that a rule belongs to.
func owner(results []PolicyResult, rule string) string {
	for _, r := range results {
		if slices.ContainsFunc(r.Rules, func(x RuleResult) bool { return x.Rule == rule }) {
			return r.Policy
		}
	}
	return ""
}

func (p *passage) refuse(policy, rule, reason string) {
	details := rule
	if rule == model.ImplicitDeny {
		details = "none"
	}
	p.verdict = &Verdict{
		Status: 403, Details: "rbac_access_denied_matched_policy[" + details + "]", Reason: reason,
		Decision: &model.Decision{Policy: policy, Rule: rule, Place: model.Native, PolicySet: p.policySet(), Reason: reason},
	}
}
