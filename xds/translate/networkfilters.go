package translate

import (
	"fmt"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	networkrbacv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/rbac/v3"
	networkwasmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/wasm/v3"
	"google.golang.org/protobuf/proto"

	"github.com/krater-mesh/krater/model"
)

// networkPlaces are the slots of filters of connections, in every filter chain:
// before what is decided of them, and behind. A slot holds one filter: of
// connections Envoy has no chain that could be a resource. An empty one holds an
// RBAC filter without rules.
var networkPlaces = []struct {
	name   string
	phases []model.Phase
}{
	{"network-before", []model.Phase{model.PhaseAuthn, model.PhaseAuthz}},
	{"network-behind", []model.Phase{model.PhaseStats, model.PhaseDefault}},
}

// networkFilters are the slots of one place in a chain. All chains of a
// direction and a port share what is in them.
func (p *proxy) networkFilters(d direction, port uint32, place int) *listenerv3.Filter {
	name := slotName(fmt.Sprintf("%s|%d", d, port), networkPlaces[place].name)
	p.slot(name, p.networkFilter(chain{direction: d, port: port}, place))
	return networkSlot(name, &networkrbacv3.RBAC{}, &networkwasmv3.Wasm{})
}

// networkFilter is what stands in one place of a chain.
func (p *proxy) networkFilter(c chain, place int) proto.Message {
	var out proto.Message = &networkrbacv3.RBAC{StatPrefix: "none_"}
	taken := ""
	for _, ph := range networkPlaces[place].phases {
		for _, f := range p.view.filters {
			if f.Type != model.FilterNetwork || f.Phase != ph || f.Missing() && f.Failure == model.FilterFailOpen {
				continue
			}
			switch ports, ok := c.seenBy(f); {
			case !ok:
			case len(ports) > 0:
				p.notSupported(f.Object, "spec.match", "connections to all ports of other services share a listener here, so the filter, which names ports, sees none of those that carry HTTP",
					"leave the ports out, or let traffic be redirected")
			case taken != "":
				p.notSupported(f.Object, "spec.phase", taken+" stands there already: of the phases AUTHN and AUTHZ, and of STATS and DEFAULT, a connection meets one filter each",
					"move one of the two to a phase of the other pair")
			default:
				taken, out = f.Object.String(), p.networkInstance(f)
			}
		}
	}
	return out
}

// networkInstance is one filter of connections. One that fails closed and whose
// module cannot be had refuses them.
func (p *proxy) networkInstance(f *model.FilterBinding) proto.Message {
	if f.Missing() {
		everything := model.AuthorizationPolicy{Object: f.Object, Rules: []model.AuthorizationRule{{}}}
		return &networkrbacv3.RBAC{StatPrefix: decisionMissing + "_", Rules: p.rbacRules([]model.AuthorizationPolicy{everything}, model.Deny, true)}
	}
	return &networkwasmv3.Wasm{Config: p.plugin(pluginOf(f, 0))}
}

// managed are the filters of a chain whose requests are seen.
func (p *proxy) managed(c chain, routes *routev3.RouteConfiguration) []*listenerv3.Filter {
	return []*listenerv3.Filter{p.networkFilters(c.direction, c.port, 0), p.networkFilters(c.direction, c.port, 1), p.connectionManager(c, routes)}
}

// passing are the filters of a chain that passes connections on as its slot says.
func (p *proxy) passing(d direction, port uint32, name string) []*listenerv3.Filter {
	return []*listenerv3.Filter{p.networkFilters(d, port, 0), p.networkFilters(d, port, 1), tcpSlot(name)}
}
