package translate

import (
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
	Deny, Allow []model.AuthorizationPolicy
	Rego        []model.RegoPolicy
}

// rulesOf selects them, in the order of the snapshot.
func rulesOf(authorization []*model.AuthorizationPolicy, rego []*model.RegoPolicy, w model.Workload) rules {
	var out rules
	for _, a := range authorization {
		switch {
		case !a.Selector.Matches(w):
		case a.Action == model.Deny:
			out.Deny = append(out.Deny, *a)
		default:
			out.Allow = append(out.Allow, *a)
		}
	}
	for _, r := range rego {
		if r.Selector.Matches(w) {
			out.Rego = append(out.Rego, *r)
		}
	}
	return out
}

func (r rules) empty() bool { return len(r.Deny)+len(r.Allow)+len(r.Rego) == 0 }

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

// authorization fills the slot that decides: DENY, then RegoPolicies, then
// ALLOW. It is one resource, since its parts must change together.
func (p *proxy) authorization(c chain) filters {
	r := rulesOf(p.view.authorization, p.rego, p.w)
	if !c.served() || r.empty() {
		return nil
	}
	rego, states := p.regoPolicies(r.Rego, r.version())
	out := filters{extension("krater.policy_set", &setstatev3.Config{
		OnRequestHeaders: append([]*statev3.FilterStateValue{stateValue(statePolicySet, r.version())}, states...),
	})}
	if len(r.Deny) > 0 {
		out = append(out, extension(filterRBAC, &rbacv3.RBAC{RulesStatPrefix: "deny_", Rules: p.rbacRules(r.Deny, model.Deny, false)}))
	}
	out = append(out, rego...)
	if len(r.Allow) > 0 {
		out = append(out, extension(filterRBAC, &rbacv3.RBAC{RulesStatPrefix: "allow_", Rules: p.rbacRules(r.Allow, model.Allow, false)}))
	}
	return out
}

// networkRBAC is the same for connections whose requests cannot be seen. What
// asks for a request's parts is dropped from an ALLOW, which then never
// allows, and ignored in a DENY, which then denies more.
func (p *proxy) networkRBAC(c chain, action model.Action) *networkrbacv3.RBAC {
	r := rulesOf(p.view.authorization, p.rego, p.w)
	r.Deny = append(r.Deny, p.connectionLists(c)...)
	out := &networkrbacv3.RBAC{StatPrefix: statName(c.listener) + "_"}
	switch {
	case action == model.Deny && len(r.Deny) > 0:
		out.Rules = p.rbacRules(r.Deny, action, true)
	case action == model.Allow && len(r.Allow) > 0:
		out.Rules = p.rbacRules(r.Allow, action, true)
	}
	if action == model.Deny {
		for _, rego := range r.Rego {
			p.notSupported(rego.Object, "spec.selector",
				"the port "+c.listener+" of "+p.w.ID()+" is not HTTP: RegoPolicies do not apply to it", "use an AuthorizationPolicy on its ports and addresses")
		}
	}
	return out
}

// rbacRules names each rule's policy by the rule's id. No policy under ALLOW
// allows nothing.
func (p *proxy) rbacRules(policies []model.AuthorizationPolicy, action model.Action, network bool) *rbacconfigv3.RBAC {
	out := &rbacconfigv3.RBAC{Action: rbacconfigv3.RBAC_ALLOW, Policies: map[string]*rbacconfigv3.Policy{}}
	if action == model.Deny {
		out.Action = rbacconfigv3.RBAC_DENY
	}
	for _, a := range policies {
		for i, r := range a.Rules {
			if network {
				var ok bool
				if r, ok = withoutHTTP(r, action); !ok {
					continue
				}
			}
			out.Policies[a.RuleID(i)] = &rbacconfigv3.Policy{
				Permissions: permissions(r.To),
				Principals:  p.principals(r.From, r.When),
			}
		}
	}
	return out
}

// withoutHTTP is what remains of a rule where there are no requests.
func withoutHTTP(r model.AuthorizationRule, action model.Action) (model.AuthorizationRule, bool) {
	hasHTTP := false
	out := model.AuthorizationRule{From: r.From}
	for _, c := range r.When {
		if c.Source != nil { // a connection has its caller, too
			out.When = append(out.When, c)
		} else {
			hasHTTP = true
		}
	}
	for _, o := range r.To {
		hasHTTP = hasHTTP || len(o.Methods)+len(o.NotMethods)+len(o.Paths)+len(o.NotPaths)+len(o.Hosts)+len(o.NotHosts) > 0
		out.To = append(out.To, model.Operation{Ports: o.Ports, NotPorts: o.NotPorts})
	}
	return out, !hasHTTP || action == model.Deny
}
