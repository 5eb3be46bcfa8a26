package translate

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	internalv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/internal_upstream/v3"
	rawv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/raw_buffer/v3"

	"github.com/krater-mesh/krater/model"
)

const (
	chainHTTP  = "http"
	chainOther = "other"
)

// internal are the listeners where the inside of a CONNECT arrives. What was
// declared as TCP is passed on at once, unseen, so that a protocol in which
// the server speaks first waits for nothing; all else is looked at.
func (p *proxy) internal(routes *routev3.RouteConfiguration) []*listenerv3.Listener {
	seen := internalListener(listenerInternal)
	p.sniff(seen)
	seen.FilterChains = []*listenerv3.FilterChain{{
		Name: chainHTTP, Filters: p.managed(chain{listener: seen.Name, direction: outbound}, routes),
	}, p.otherChain()}
	unseen := internalListener(listenerInternalTCP)
	unseen.FilterChains = []*listenerv3.FilterChain{p.otherChain()}
	for _, c := range p.connections.list {
		own := c.resolve(p.tcpChain(c.chain, c.port), calledName)
		if c.protocol == model.TCP {
			unseen.FilterChains = append(unseen.FilterChains, own)
			continue
		}
		seen.FilterChains = append(seen.FilterChains, own)
		for _, s := range c.byName {
			seen.FilterChains = append(seen.FilterChains, c.resolve(p.tcpChain(s.chain, c.port), calledName))
		}
	}
	seen.FilterChainMatcher = seenMatcher(p.connections.list, allowsUnknown(p.mode))
	unseen.FilterChainMatcher = unseenMatcher(p.connections.list)
	return []*listenerv3.Listener{seen, unseen}
}

func internalListener(name string) *listenerv3.Listener {
	return &listenerv3.Listener{
		Name:             name,
		TrafficDirection: corev3.TrafficDirection_OUTBOUND,
		ListenerSpecifier: &listenerv3.Listener_InternalListener{
			InternalListener: &listenerv3.Listener_InternalListenerConfig{},
		},
	}
}

// otherChain takes connections that are for nothing that was declared.
func (p *proxy) otherChain() *listenerv3.FilterChain {
	switch {
	case allowsUnknown(p.mode) && p.redirected():
		return &listenerv3.FilterChain{Name: chainOther, Filters: []*listenerv3.Filter{toCluster(chainOther, clusterPassthrough)}}
	case !allowsUnknown(p.mode):
		return &listenerv3.FilterChain{Name: chainOther, Filters: []*listenerv3.Filter{toCluster(chainOther, clusterBlackHole)}}
	}
	return &listenerv3.FilterChain{Name: chainOther, Filters: append(resolving(calledName, 443), toCluster(chainOther, clusterPassthrough))}
}

// allowsUnknown tells whether calls to hosts that nobody declared go out.
func allowsUnknown(mode model.OutboundMode) bool {
	return mode == model.AllowAny || mode == model.AllowAnyDynamicDNS
}

// tcpChain is a filter chain that passes connections on as its slot says.
func (p *proxy) tcpChain(name string, port uint32) *listenerv3.FilterChain {
	return &listenerv3.FilterChain{Name: name, Filters: p.passing(outbound, port, name)}
}

// internalCluster leads into an internal listener. What is inside a CONNECT
// goes there, and the name it was made for goes along as filter state.
func internalCluster(name, listener string) *clusterv3.Cluster {
	return &clusterv3.Cluster{
		Name:                 name,
		ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC},
		ConnectTimeout:       duration(defaultConnectTimeout),
		CircuitBreakers:      breakers(model.ConnectionPool{}, nil),
		UpstreamBindConfig:   anySource(),
		LoadAssignment: oneAddress(name, &corev3.Address{Address: &corev3.Address_EnvoyInternalAddress{
			EnvoyInternalAddress: &corev3.EnvoyInternalAddress{
				AddressNameSpecifier: &corev3.EnvoyInternalAddress_ServerListenerName{ServerListenerName: listener},
			},
		}}),
		TransportSocket: &corev3.TransportSocket{
			Name: "envoy.transport_sockets.internal_upstream",
			ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: pack(&internalv3.InternalUpstreamTransport{
				TransportSocket: &corev3.TransportSocket{
					Name:       "envoy.transport_sockets.raw_buffer",
					ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: pack(&rawv3.RawBuffer{})},
				},
			})},
		},
	}
}
