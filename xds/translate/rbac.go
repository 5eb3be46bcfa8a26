package translate

import (
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	rbacconfigv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	statev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/common/set_filter_state/v3"
	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	setstatev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/set_filter_state/v3"
	networkrbacv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/rbac/v3"

	"github.com/krater-mesh/krater/model"
)

const filterRBAC = "envoy.filters.http.rbac"

// rules is what decides about one workload's requests.
type rules struct {
	Custom, Audit, Deny, Allow []model.AuthorizationPolicy
	Rego                       []model.RegoPolicy
}

// rulesOf selects them, in the order of the snapshot.
func rulesOf(authorization []*model.AuthorizationPolicy, rego []*model.RegoPolicy, w model.Workload) rules {
	var out rules
	lists := map[model.Action]*[]model.AuthorizationPolicy{
		model.Custom: &out.Custom, model.Audit: &out.Audit, model.Deny: &out.Deny, model.Allow: &out.Allow,
	}
	for _, a := range authorization {
		if a.Selects(w) {
			list := lists[a.Action]
			*list = append(*list, *a)
		}
	}
	for _, r := range rego {
		if r.Selector.Matches(w) {
			out.Rego = append(out.Rego, *r)
		}
	}
	return out
}

func (r rules) empty() bool {
	return len(r.Custom)+len(r.Audit)+len(r.Deny)+len(r.Allow)+len(r.Rego) == 0
}

// version is the policy set's: what decided is found again by it.
func (r rules) version() string {
	if r.empty() {
		return ""
	}
	return model.Hash(r)
}

// PolicySet is the version of the rules that decide about a workload's
// requests, as their records carry it; "" where there are none.
func PolicySet(snap *model.Snapshot, w model.Workload) string {
	return rulesOf(snap.Authorization, snap.Rego, w).version()
}

// policySet writes the rules' version where records find it, and what else the
// slot's filters want known.
func policySet(r rules, more ...*statev3.FilterStateValue) *corev3.TypedExtensionConfig {
	return extension("krater.policy_set", &setstatev3.Config{
		OnRequestHeaders: append([]*statev3.FilterStateValue{stateValue(statePolicySet, r.version())}, more...),
	})
}

// authorization fills the slot that decides: AUDIT, DENY, then RegoPolicies,
// then ALLOW. It is one resource, since its parts must change together.
func (p *proxy) authorization(c chain) filters {
	r := rulesOf(p.view.authorization, p.rego, p.w)
	if !c.served() || len(r.Audit)+len(r.Deny)+len(r.Allow)+len(r.Rego) == 0 {
		return nil
	}
	rego, states := p.regoPolicies(r.Rego, r.version())
	in := &loweredInputs{p: p, states: slices.Clip(states)}
	var out filters
	out = append(out, p.rulesOfAction(in, model.Audit, r.Audit)...)
	out = append(out, p.nameDenials(in, r.Deny)...)
	out = append(out, p.rulesOfAction(in, model.Deny, r.Deny)...)
	out = append(out, rego...)
	out = append(out, p.rulesOfAction(in, model.Allow, r.Allow)...)
	return append(filters{policySet(r, in.states...)}, out...)
}

// rbacActions are Envoy's words for them.
var rbacActions = map[model.Action]rbacconfigv3.RBAC_Action{
	model.Allow: rbacconfigv3.RBAC_ALLOW, model.Deny: rbacconfigv3.RBAC_DENY, model.Audit: rbacconfigv3.RBAC_LOG,
	model.Custom: rbacconfigv3.RBAC_DENY, // "denied" is who is to be asked about
}

// enforcedPrefix begins the metadata keys, and stats, of an action's rules.
func enforcedPrefix(a model.Action) string { return strings.ToLower(string(a)) + "_" }

// dryRunPrefix is the same for those that only record; the first two are Istio's.
func dryRunPrefix(a model.Action) string { return "istio_dry_run_" + enforcedPrefix(a) }

// rulesOfAction is the filter of one action's policies; none where there are none.
// Those of a dry run are its shadow: they are compared, and never answer. Large
// ones are trees.
func (p *proxy) rulesOfAction(in *loweredInputs, action model.Action, policies []model.AuthorizationPolicy) filters {
	enforced, dry := apart(policies)
	out := &rbacv3.RBAC{}
	if len(enforced) > 0 {
		out.RulesStatPrefix = enforcedPrefix(action)
		if out.Matcher = in.authorizationTree(enforced, action); out.Matcher == nil {
			out.Rules = p.rbacRules(enforced, action, false)
		}
	}
	if len(dry) > 0 {
		out.ShadowRulesStatPrefix = dryRunPrefix(action)
		if out.ShadowMatcher = in.authorizationTree(dry, action); out.ShadowMatcher == nil {
			out.ShadowRules = p.rbacRules(dry, action, false)
		}
	}
	if len(policies) == 0 {
		return nil
	}
	return filters{extension(filterRBAC, out)}
}

// apart parts the policies that are in force from those of a dry run.
func apart(policies []model.AuthorizationPolicy) (enforced, dry []model.AuthorizationPolicy) {
	for _, a := range policies {
		if a.DryRun {
			dry = append(dry, a)
		} else {
			enforced = append(enforced, a)
		}
	}
	return enforced, dry
}

// networkRBAC is the same for connections whose requests cannot be seen. What
// asks for a request's parts is dropped from an ALLOW, which then never
// allows, and ignored elsewhere, so that a DENY denies more.
func (p *proxy) networkRBAC(c chain, action model.Action) *networkrbacv3.RBAC {
	enforced, dry := p.connectionPolicies(c, action)
	out := &networkrbacv3.RBAC{StatPrefix: statName(c.listener) + "_"}
	if len(enforced) > 0 {
		out.Rules = p.rbacRules(enforced, action, true)
	}
	switch {
	case len(dry) > 0:
		out.ShadowRulesStatPrefix, out.ShadowRules = dryRunPrefix(action), p.rbacRules(dry, action, true)
	case len(enforced) > 0 && action != model.Deny: // a denial is named by the connection's end
		out.ShadowRulesStatPrefix, out.ShadowRules = enforcedPrefix(action), out.Rules
	}
	if action == model.Deny {
		for _, rego := range p.rego {
			p.notSupported(rego.Object, "spec.selector",
				"the port "+c.listener+" of "+p.w.ID()+" is not HTTP: RegoPolicies do not apply to it", "use an AuthorizationPolicy on its ports and addresses")
		}
	}
	return out
}

// connectionPolicies are one action's.
func (p *proxy) connectionPolicies(c chain, action model.Action) (enforced, dry []model.AuthorizationPolicy) {
	r := rulesOf(p.view.authorization, p.rego, p.w)
	policies := r.Allow
	switch action {
	case model.Deny:
		policies = append(r.Deny, p.connectionLists(c)...)
	case model.Audit:
		policies = r.Audit
	}
	return apart(policies)
}

// namedConnections tells which rule held of connections: of these Envoy names
// only a shadow's rules. nil: the filter of the action itself has that as its
// shadow, unless a dry run is.
func (p *proxy) namedConnections(c chain, action model.Action) *networkrbacv3.RBAC {
	enforced, dry := p.connectionPolicies(c, action)
	if action == model.Deny || len(enforced) == 0 || len(dry) == 0 {
		return nil
	}
	return &networkrbacv3.RBAC{StatPrefix: statName(c.listener) + "_", ShadowRulesStatPrefix: enforcedPrefix(action), ShadowRules: p.rbacRules(enforced, action, true)}
}

// rbacRules names each rule's policy by the rule's id. No policy under ALLOW
// allows nothing.
func (p *proxy) rbacRules(policies []model.AuthorizationPolicy, action model.Action, network bool) *rbacconfigv3.RBAC {
	out := &rbacconfigv3.RBAC{Action: rbacActions[action], Policies: map[string]*rbacconfigv3.Policy{}}
	for _, a := range policies {
		for i, r := range a.Rules {
			if network {
				var ok bool
				if r, ok = withoutHTTP(r, action); !ok {
					continue
				}
			}
			out.Policies[a.RuleID(i)] = &rbacconfigv3.Policy{
				Permissions: permissions(r.To, r.When),
				Principals:  p.principals(r.From, r.When),
			}
		}
	}
	return out
}

// withoutHTTP is what remains of a rule where there are no requests. A
// connection has its caller, its address and its server name, too.
func withoutHTTP(r model.AuthorizationRule, action model.Action) (model.AuthorizationRule, bool) {
	hasHTTP := false
	var out model.AuthorizationRule
	connection := func(s model.Source) model.Source {
		hasHTTP = hasHTTP || len(s.RequestPrincipals)+len(s.NotRequestPrincipals) > 0
		s.RequestPrincipals, s.NotRequestPrincipals = nil, nil
		return s
	}
	for _, s := range r.From {
		out.From = append(out.From, connection(s))
	}
	for _, o := range r.To {
		hasHTTP = hasHTTP || o.OfRequest()
		out.To = append(out.To, model.Operation{Ports: o.Ports, NotPorts: o.NotPorts})
	}
	for _, c := range r.When {
		switch {
		case c.Source != nil:
			s := connection(*c.Source)
			out.When = append(out.When, model.Condition{Source: &s})
		case c.Operation != nil, c.Metadata != nil:
			out.When = append(out.When, c)
		default:
			hasHTTP = true
		}
	}
	return out, !hasHTTP || action != model.Allow
}
