package explain

import (
	"cmp"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// regoPolicy is one of the workload, and the rule by which the proxy decides it
// by itself; nil: policyd is asked.
type regoPolicy struct {
	*model.RegoPolicy
	rule *model.LoweredRule
}

// rego decides by the RegoPolicies, all of which must allow. Those in shadow
// change nothing. Of the others the proxy decides up to the first that it must
// ask about; then policyd is asked about all of them, in one Check, and the
// first denial is the answer.
func (p *passage) rego() {
	enforced, shadow := p.regoPolicies()
	for _, c := range shadow {
		r, _ := p.regoResult(c)
		r.Shadow = true
		p.step(Step{Slot: "authorization", Rego: &r})
	}
	first := slices.IndexFunc(enforced, func(c regoPolicy) bool { return c.rule == nil || c.rule.Verdict != model.VerdictAllow })
	asked := first >= 0 && enforced[first].rule == nil
	allowed := p.view.clone()
	for _, c := range enforced {
		if asked {
			c.rule = nil
		}
		r, a := p.regoResult(c)
		p.step(Step{Slot: "authorization", Rego: &r})
		if !r.Asked {
			continue
		}
		p.decision = &model.Decision{Policy: r.Policy, Rule: r.Rule, Place: r.Place, PolicySet: p.policySet(), Allowed: r.Allowed, Reason: r.Reason}
		if !r.Allowed {
			details := map[model.Place]string{model.Daemon: "ext_authz_denied", model.Native: "lua_response"}[r.Place]
			p.verdict = &Verdict{Status: r.Status, Details: details, Reason: "a RegoPolicy denies", Decision: p.decision}
			return
		}
		applyAnswer(&allowed, a)
	}
	p.view = allowed
}

// regoPolicies are those of the workload, as far as its proxy has room for
// their rules, with what these say of the request.
func (p *passage) regoPolicies() (enforced, shadow []regoPolicy) {
	var all []*model.RegoPolicy
	for _, policy := range p.e.snap.Rego {
		if policy.Selector.Matches(p.w) {
			all = append(all, policy)
		}
	}
	native := p.e.snap.Mesh.Lowering.Native(all)
	facts := p.facts()
	for i, policy := range all {
		c := regoPolicy{RegoPolicy: policy}
		if native[i] && policy.Lower != model.LowerNever {
			if c.rule = Decide(policy.Lowered, facts); c.rule != nil && (c.rule.Verdict == model.VerdictAsk || p.e.stale(policy, c.rule)) {
				c.rule = nil
			}
		}
		if policy.Mode == model.Shadow {
			shadow = append(shadow, c)
		} else {
			enforced = append(enforced, c)
		}
	}
	return enforced, shadow
}

// stale tells whether the proxy's configuration is too old to allow by.
func (e *explainer) stale(p *model.RegoPolicy, r *model.LoweredRule) bool {
	return p.MaxStaleness > 0 && r.Verdict == model.VerdictAllow && e.silence >= p.MaxStaleness.Std()
}

// facts are what the proxy has of the request.
func (p *passage) facts() RequestFacts {
	v := p.view
	out := RequestFacts{View: v, Protocol: "HTTP/1.1", SNI: strings.ToLower(v.ServerName), Target: cmp.Or(v.Destination, p.w.Address), Claims: v.Claims,
		Attributes: map[string]any{}, Time: float64(p.e.now.UnixNano()) / 1e9}
	if v.Principal != "" {
		out.Principal = "spiffe://" + v.Principal
	}
	for name, a := range v.Attributes {
		out.Attributes[name] = a.compared()
	}
	return out
}

// regoResult is what one policy says, and the answer behind it.
func (p *passage) regoResult(c regoPolicy) (RegoResult, Answer) {
	r := RegoResult{Policy: c.Object.String(), Rule: c.Query, Allowed: true}
	var a Answer
	if p.e.decider != nil {
		a = p.e.decider.Decide(*c.RegoPolicy, p.w, p.view)
	}
	switch {
	case c.rule != nil:
		a = Answer{Allowed: c.rule.Verdict == model.VerdictAllow, Trace: a.Trace}
		if c.rule.Answer > 0 {
			a.Status = c.Lowered.Answers[c.rule.Answer-1].Status
		}
		r.Place, r.Rule = model.Native, "RegoPolicy/"+c.Object.Key()+"/"+c.rule.Rule
		if a.Allowed {
			r.Within = c.MaxStaleness
		}
	case p.e.decider == nil:
		r.Reason = "not evaluated"
		return r, a
	default:
		r.Place = model.Daemon
	}
	r.Asked, r.Allowed, r.Reason, r.Trace = true, a.Allowed, a.Reason, a.Trace
	if !a.Allowed {
		if r.Status = a.Status; r.Status == 0 {
			r.Status = 403
		}
	}
	return r, a
}

func applyAnswer(v *View, a Answer) {
	for name, values := range a.Set {
		v.Headers[strings.ToLower(name)] = values
	}
	for _, name := range a.Remove {
		delete(v.Headers, strings.ToLower(name))
	}
}
