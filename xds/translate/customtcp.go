package translate

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	rbacconfigv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	networkextauthzv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/ext_authz/v3"
	networkrbacv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/rbac/v3"

	"github.com/krater-mesh/krater/model"
)

const filterNetworkRBAC = "envoy.filters.network.rbac"

// customTCP are the questions of CUSTOM policies about connections: some slots
// for each provider, since of connections Envoy has no chain that could be one
// resource. What the rules ask of requests is left out, so more is asked. As in
// Istio, a provider that is asked by HTTP is not asked about connections.
func (p *proxy) customTCP(c chain) []*listenerv3.Filter {
	r := rulesOf(p.view.authorization, p.rego, p.w)
	names, byProvider := customBy(r.Custom, func(*model.AuthorizationPolicy) bool { return true })
	var out []*listenerv3.Filter
	for _, name := range names {
		enforced, dry := apart(byProvider[name])
		slot := connectionSlots{proxy: p, name: slotName(c.listener, "custom-"+name), stats: statName(c.listener) + "_"}
		to, reached := p.provider(name)
		if !reached {
			p.unreached(byProvider[name])
		}
		if reached && to.asks.HTTP {
			p.notAboutConnections(c, byProvider[name])
		}
		asked := reached && !to.asks.HTTP
		if len(dry) > 0 {
			slot.customDryRun(p.rbacRules(dry, model.Custom, true), to, name, asked)
		}
		switch prefix := customPrefix(name); {
		case len(enforced) == 0:
		case !reached:
			slot.rbac("", &networkrbacv3.RBAC{Rules: p.rbacRules(enforced, model.Custom, true)})
		case asked:
			slot.rbac("-found", &networkrbacv3.RBAC{ShadowRulesStatPrefix: prefix, ShadowRules: p.rbacRules(enforced, model.Custom, true)})
			slot.asks("-asked", &networkextauthzv3.ExtAuthz{
				StatPrefix: slot.stats + prefix, FailureModeAllow: to.asks.FailOpen, TransportApiVersion: corev3.ApiVersion_V3, GrpcService: to.grpc(),
				FilterEnabledMetadata: ruleFound(filterNetworkRBAC, prefix+shadowRule), IncludePeerCertificate: true,
			})
		}
		out = append(out, slot.out...)
	}
	return out
}

func (p *proxy) notAboutConnections(c chain, policies []model.AuthorizationPolicy) {
	for _, a := range policies {
		p.notSupported(a.Object, "spec.provider.name", "the port "+c.listener+" of "+p.w.ID()+" is not HTTP: its provider, which is asked by HTTP, is not asked about connections to it",
			"name a provider of envoyExtAuthzGrpc, or deny by an AuthorizationPolicy on ports and addresses")
	}
}

// connectionSlots are the slots of one provider's policies in a chain of
// connections, in their order.
type connectionSlots struct {
	*proxy
	name, stats string
	out         []*listenerv3.Filter
}

func (s *connectionSlots) rbac(suffix string, config *networkrbacv3.RBAC) {
	config.StatPrefix = s.stats
	s.slot(s.name+suffix, config)
	s.out = append(s.out, networkSlot(s.name+suffix, &networkrbacv3.RBAC{}))
}

func (s *connectionSlots) asks(suffix string, config *networkextauthzv3.ExtAuthz) {
	s.slot(s.name+suffix, config)
	s.out = append(s.out, networkSlot(s.name+suffix, &networkextauthzv3.ExtAuthz{}))
}

// customDryRun finds, asks, and records. All that ask leave what was said in
// one place, so each is read before the next asks.
func (s *connectionSlots) customDryRun(rules *rbacconfigv3.RBAC, to provider, name string, asked bool) {
	key, state := providerKey(name)+"_", ""
	s.rbac("-dry-run-found", &networkrbacv3.RBAC{ShadowRulesStatPrefix: dryRunKey(key), ShadowRules: rules})
	if asked {
		state = networkShadowState
		s.asks("-dry-run-asked", s.dryRunTCP(to, s.stats+dryRunKey(key)))
	} else if to.asks != nil {
		return // connections are not what it is asked about
	}
	s.rbac("-dry-run-said", &networkrbacv3.RBAC{ShadowRulesStatPrefix: dryRunSaid + key, ShadowRules: said(state, to.asks != nil && to.asks.FailOpen)})
}

const networkShadowState = "envoy.filters.network.ext_authz"
