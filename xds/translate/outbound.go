package translate

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	statev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/common/set_filter_state/v3"
	setstatev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/set_filter_state/v3"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

// outbound makes the explicit HTTP proxy of a sidecar: requests in absolute
// form are routed by Host; what CONNECT opens goes to the internal listener.
func (p *proxy) outbound() {
	routes := p.outboundRoutes()
	p.patchRouteConfiguration(routes, outbound, routesPlace{routes: routes.Name})
	p.out.Routes = append(p.out.Routes, routes)
	p.out.Clusters = append(p.out.Clusters, internalCluster(clusterInternal, listenerInternal), internalCluster(clusterInternalTCP, listenerInternalTCP))
	c := chain{listener: listenerOutbound, direction: outbound, explicit: true}
	p.out.Listeners = append(p.out.Listeners, &listenerv3.Listener{
		Name:             c.listener,
		Address:          address(p.w.Address, OutboundPort),
		TrafficDirection: corev3.TrafficDirection_OUTBOUND,
		FilterChains:     []*listenerv3.FilterChain{{Filters: p.managed(c, routes)}},
	})
	p.out.Listeners = append(p.out.Listeners, p.internal(routes)...)
	p.localTCP()
	p.egress()
}

// outboundRoutes says what becomes of unknown hosts; known ones come as
// virtual hosts.
func (p *proxy) outboundRoutes() *routev3.RouteConfiguration {
	unknown := &routev3.VirtualHost{Name: RouteBlockAll, Domains: []string{"*"}, Routes: append(rangeRoutes(p.connections.list), blockAll()...)}
	if allowsUnknown(p.mode) {
		unknown.Name, unknown.Routes = RouteAllowAny, p.allowAny()
	}
	return &routev3.RouteConfiguration{
		Name:                           listenerOutbound,
		ValidateClusters:               wrapperspb.Bool(false),
		MaxDirectResponseBodySizeBytes: wrapperspb.UInt32(maxDirectBody),
		Vhds:                           &routev3.Vhds{ConfigSource: overADS()},
		VirtualHosts:                   []*routev3.VirtualHost{unknown},
	}
}

// allowAny lets requests go to where they ask for, or to the destination that
// the Sidecar has for unknown hosts. A tunnel is looked into first.
func (p *proxy) allowAny() []*routev3.Route {
	cluster := clusterPassthrough
	if p.egressTo != nil {
		cluster = destinationCluster(*p.egressTo)
	}
	to := &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: cluster}}
	setTimeout(to, nil)
	return append(rangeRoutes(p.connections.list), connectRoute(model.HTTP),
		&routev3.Route{Name: RouteAllowAny, Match: onAnyPath(), Action: &routev3.Route_Route{Route: to}})
}

// blockAll answers 502 to requests, and to a CONNECT, which no path matches.
func blockAll() []*routev3.Route {
	answer := &routev3.Route_DirectResponse{DirectResponse: &routev3.DirectResponseAction{Status: 502}}
	return []*routev3.Route{
		{Name: RouteBlockAll, Match: onConnect(), Action: answer},
		{Name: RouteBlockAll, Match: onAnyPath(), Action: answer},
	}
}

func onConnect() *routev3.RouteMatch {
	return &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_ConnectMatcher_{ConnectMatcher: &routev3.RouteMatch_ConnectMatcher{}}}
}

func onAnyPath() *routev3.RouteMatch {
	return &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}}
}

// carryAuthority keeps the name that a CONNECT asks for where the internal
// listener finds it.
func carryAuthority() *anypb.Any {
	v := stateValue(stateAuthority, "%REQ(:AUTHORITY)%")
	// Hashable, because pools of connections are told apart by it: with a plain
	// string a tunnel goes where an open one went.
	v.FactoryKey = "envoy.hashable_string"
	v.SharedWithUpstream = statev3.FilterStateValue_ONCE
	return pack(&setstatev3.Config{OnRequestHeaders: []*statev3.FilterStateValue{v}})
}

// stateValue sets a filter state object to a formatted string.
func stateValue(key, format string) *statev3.FilterStateValue {
	return &statev3.FilterStateValue{
		Key:        &statev3.FilterStateValue_ObjectKey{ObjectKey: key},
		FactoryKey: "envoy.string",
		Value:      &statev3.FilterStateValue_FormatString{FormatString: inline(format)},
	}
}
