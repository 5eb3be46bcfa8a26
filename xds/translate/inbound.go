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

// inbound makes, for each port that the workload serves, the listener that
// takes its place and the cluster that leads to the application.
func (p *proxy) inbound() {
	for _, port := range p.w.Ports {
		p.out.Clusters = append(p.out.Clusters, inboundClusterOf(port))
		c := chain{listener: inboundListener(p.w.Address, port.Number), direction: inbound, port: port.Number}
		l := &listenerv3.Listener{
			Name:             c.listener,
			Address:          address(p.w.Address, port.Number),
			TrafficDirection: corev3.TrafficDirection_INBOUND,
		}
		if port.Protocol.IsHTTP() {
			l.FilterChains = []*listenerv3.FilterChain{{Filters: []*listenerv3.Filter{p.connectionManager(c, inboundRoutes(port))}}}
		} else {
			l.FilterChains = []*listenerv3.FilterChain{{Filters: p.inboundTCP(c, inboundCluster(port.Number), nil)}}
		}
		p.out.Listeners = append(p.out.Listeners, l)
	}
}

// inboundRoutes sends everything to the application. A request that did not
// reach it (its connection was closed meanwhile) is sent again.
func inboundRoutes(port model.WorkloadPort) *routev3.RouteConfiguration {
	cluster := inboundCluster(port.Number)
	return &routev3.RouteConfiguration{
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
}

// inboundClusterOf leads to the application behind a port.
func inboundClusterOf(port model.WorkloadPort) *clusterv3.Cluster {
	name := inboundCluster(port.Number)
	c := &clusterv3.Cluster{
		Name:                 name,
		ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC},
		ConnectTimeout:       duration(defaultConnectTimeout),
		LoadAssignment:       oneAddress(name, address("127.0.0.1", port.AppPort)),
		UpstreamBindConfig:   bindTo(appSource),
		CircuitBreakers:      breakers(model.ConnectionPool{}, nil),
		CommonLbConfig:       &clusterv3.Cluster_CommonLbConfig{},
	}
	if port.Protocol.IsHTTP() {
		c.TypedExtensionProtocolOptions = packed(protocolOptions(port.Protocol, model.ConnectionPool{}))
	}
	return c
}
