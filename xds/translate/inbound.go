package translate

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

// appSource is the address that a sidecar calls its application from, so that
// the application can tell such calls from its own.
const appSource = "127.0.0.6"

// applicationProtocols are what the HTTP inspector writes for HTTP.
var applicationProtocols = []string{"http/1.0", "http/1.1", "h2c"}

// inbound makes, for each port that is served, the listener that takes its
// place and the cluster that leads to the application.
func (p *proxy) inbound() {
	var captured []servedPort
	for _, port := range p.servedPorts() {
		if port.captured {
			captured = append(captured, port)
			continue
		}
		p.out.Clusters = append(p.out.Clusters, port.clusterOf())
		l := &listenerv3.Listener{
			Name:             inboundListener(port.bind, port.number),
			Address:          bindAddress(port.bind, port.number),
			TrafficDirection: corev3.TrafficDirection_INBOUND,
		}
		mode, ok := p.accepted(port.number)
		if !ok {
			continue
		}
		l.FilterChains = p.inboundChains(l.Name, port, mode)
		switch {
		case port.protocol == model.Auto && port.tls == nil:
			p.sniff(l)
		case inspected(port, mode):
			p.sniffTLS(l)
		}
		p.out.Listeners = append(p.out.Listeners, l)
	}
	if p.redirected() {
		p.virtualInbound(captured)
	}
}

// inboundRoutes sends everything to the application. A request that did not
// reach it (its connection was closed meanwhile) is sent again.
func (p *proxy) inboundRoutes(port servedPort) *routev3.RouteConfiguration {
	cluster := port.cluster()
	out := &routev3.RouteConfiguration{
		Name:             cluster,
		ValidateClusters: wrapperspb.Bool(false),
		VirtualHosts: []*routev3.VirtualHost{{
			Name: cluster, Domains: []string{"*"},
			Routes: []*routev3.Route{{
				Name:  RouteDefault,
				Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}},
				Action: &routev3.Route_Route{Route: &routev3.RouteAction{
					ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: cluster},
					Timeout:          &durationpb.Duration{},
					RetryPolicy:      &routev3.RetryPolicy{RetryOn: "reset-before-request", NumRetries: wrapperspb.UInt32(2)},
				}},
			}},
		}},
	}
	p.patchRouteConfiguration(out, inbound, routesPlace{routes: cluster, port: model.Port{Number: port.number}})
	return out
}

// clusterOf leads to the application behind a port.
func (port servedPort) clusterOf() *clusterv3.Cluster {
	pool := model.ConnectionPool{}
	if port.pool != nil {
		pool = *port.pool
	}
	c := &clusterv3.Cluster{
		Name:                      port.cluster(),
		ClusterDiscoveryType:      &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC},
		ConnectTimeout:            duration(defaultConnectTimeout),
		UpstreamBindConfig:        anySource(),
		UpstreamConnectionOptions: keepalive(pool.Keepalive),
		CircuitBreakers:           breakers(pool, nil),
		CommonLbConfig:            &clusterv3.Cluster_CommonLbConfig{},
	}
	if pool.ConnectTimeout != nil {
		c.ConnectTimeout = duration(*pool.ConnectTimeout)
	}
	switch {
	case port.target == nil:
		originalPort(c)
	case port.target.GetSocketAddress() != nil:
		c.UpstreamBindConfig = bindTo(appSource)
		fallthrough
	default:
		c.LoadAssignment = oneAddress(port.cluster(), port.target)
	}
	if port.protocol.MayBeHTTP() {
		c.TypedExtensionProtocolOptions = packed(protocolOptions(port.protocol, pool))
	}
	return c
}
