package translate

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	networkextauthzv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/ext_authz/v3"
	networkrbacv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/rbac/v3"

	"github.com/krater-mesh/krater/model"
)

const filterNetworkRBAC = "envoy.filters.network.rbac"

// customTCP are the questions of CUSTOM policies about connections: two slots
// for each provider, since of connections Envoy has no chain that could be one
// resource. What the rules ask of requests is left out, so more is asked. As in
// Istio, a provider that is asked by HTTP is not asked about connections.
func (p *proxy) customTCP(c chain) []*listenerv3.Filter {
	r := rulesOf(p.view.authorization, p.rego, p.w)
	names, byProvider := customBy(r.Custom, func(*model.AuthorizationPolicy) bool { return true })
	var out []*listenerv3.Filter
	for _, name := range names {
		enforced, dry := apart(byProvider[name])
		prefix := customPrefix(name)
		find := &networkrbacv3.RBAC{StatPrefix: statName(c.listener) + "_"}
		if len(dry) > 0 {
			find.ShadowRulesStatPrefix, find.ShadowRules = dryRunPrefix(model.Custom)+name+"_", p.rbacRules(dry, model.Custom, true)
		}
		slot := slotName(c.listener, "custom-"+name)
		to, reached := p.provider(name)
		switch {
		case len(enforced) > 0 && !reached:
			p.unreached(enforced)
			find.Rules = p.rbacRules(enforced, model.Custom, true)
		case len(enforced) > 0 && to.asks.HTTP:
			for _, a := range enforced {
				p.notSupported(a.Object, "spec.provider.name", "the port "+c.listener+" of "+p.w.ID()+" is not HTTP: its provider, which is asked by HTTP, is not asked about connections to it",
					"name a provider of envoyExtAuthzGrpc, or deny by an AuthorizationPolicy on ports and addresses")
			}
		}
		p.slot(slot, find)
		out = append(out, networkSlot(slot, &networkrbacv3.RBAC{}))
		if len(enforced) == 0 || !reached || to.asks.HTTP {
			continue
		}
		p.slot(slot+"-found", &networkrbacv3.RBAC{StatPrefix: statName(c.listener) + "_", ShadowRulesStatPrefix: prefix, ShadowRules: p.rbacRules(enforced, model.Custom, true)})
		p.slot(slot+"-asked", &networkextauthzv3.ExtAuthz{
			StatPrefix: statName(c.listener) + "_" + prefix, FailureModeAllow: to.asks.FailOpen, TransportApiVersion: corev3.ApiVersion_V3, GrpcService: to.grpc(),
			FilterEnabledMetadata: ruleFound(filterNetworkRBAC, prefix+shadowRule), IncludePeerCertificate: true,
		})
		out = append(out, networkSlot(slot+"-found", &networkrbacv3.RBAC{}), networkSlot(slot+"-asked", &networkextauthzv3.ExtAuthz{}))
	}
	return out
}
