package translate

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

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
			l.FilterChains = []*listenerv3.FilterChain{{Filters: p.inboundTCP(c)}}
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
