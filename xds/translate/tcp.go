package translate

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	networkrbacv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/rbac/v3"
	tcpproxyv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"

	"github.com/krater-mesh/krater/model"
)

// inboundTCP guards a port whose requests cannot be seen by its authorization
// slots: connections are allowed or denied, nothing else applies to them. DENY
// and ALLOW are two filters, so two slots. Envoy decides at the client's first
// byte: what a server says before that is heard.
func (p *proxy) inboundTCP(c chain) []*listenerv3.Filter {
	var out []*listenerv3.Filter
	for _, action := range []model.Action{model.Deny, model.Allow} {
		name := slotName(c.listener, slotAuthorization)
		if action == model.Allow {
			name += "-allow"
		}
		p.out.Extensions = append(p.out.Extensions, extension(name, p.networkRBAC(c, action)))
		out = append(out, &listenerv3.Filter{Name: name, ConfigType: &listenerv3.Filter_ConfigDiscovery{
			ConfigDiscovery: &corev3.ExtensionConfigSource{
				ConfigSource: overADS(),
				TypeUrls:     []string{typeURL(&networkrbacv3.RBAC{})},
			},
		}})
	}
	return append(out, tcpProxy(c.listener, inboundCluster(c.port), model.TrafficPolicy{}))
}

// localTCP opens, for each TCP service, the port of the workload's own address
// where its clients that know no HTTP proxy reach it.
func (p *proxy) localTCP() {
	for _, c := range p.connections {
		s := c.service
		for _, port := range s.Ports {
			local, ok := s.LocalPorts[port.Number]
			if !ok {
				continue
			}
			name := tcpListener(port.Number, s.Host)
			p.out.Listeners = append(p.out.Listeners, &listenerv3.Listener{
				Name:             name,
				Address:          address(p.w.Address, local),
				TrafficDirection: corev3.TrafficDirection_OUTBOUND,
				FilterChains: []*listenerv3.FilterChain{{
					Filters: []*listenerv3.Filter{serviceTCP(name, c, port)},
				}},
			})
		}
	}
}

// serviceTCP proxies connections to a service's port.
func serviceTCP(name string, c connection, port model.Port) *listenerv3.Filter {
	var policy model.TrafficPolicy
	if c.policy != nil {
		policy = c.policy.Policy
	}
	return tcpProxy(name, ClusterName(port.Number, "", c.service.Host), policy)
}

func tcpProxy(name, cluster string, t model.TrafficPolicy) *listenerv3.Filter {
	out := &tcpproxyv3.TcpProxy{
		StatPrefix:       statName(name),
		ClusterSpecifier: &tcpproxyv3.TcpProxy_Cluster{Cluster: cluster},
	}
	if t.ConnectionPool != nil {
		out.IdleTimeout = optional(t.ConnectionPool.TCPIdleTimeout)
		out.MaxDownstreamConnectionDuration = optional(t.ConnectionPool.MaxConnectionDuration)
	}
	if lb := t.LoadBalancer; lb != nil && lb.HashOn != nil && lb.HashOn.SourceIP {
		out.HashPolicy = []*typev3.HashPolicy{{PolicySpecifier: &typev3.HashPolicy_SourceIp_{SourceIp: &typev3.HashPolicy_SourceIp{}}}}
	}
	return &listenerv3.Filter{
		Name:       "envoy.filters.network.tcp_proxy",
		ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: pack(out)},
	}
}
