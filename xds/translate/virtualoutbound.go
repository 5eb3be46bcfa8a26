package translate

import (
	"fmt"
	"slices"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

const (
	// VirtualOutbound takes all that the kernel redirects of what a workload
	// calls, and hands it to the listener of where it was going.
	VirtualOutbound = "virtualOutbound"
	// VirtualInbound takes all that others call.
	VirtualInbound = "virtualInbound"

	// InboundPort is where VirtualInbound listens.
	InboundPort = 15006

	anyAddress, anyAddress6 = "0.0.0.0", "::"
	chainBlackHole          = "blackhole"
)

// portListenerName is that of the listener for all calls to a port that no
// address tells apart, and of its routes.
func portListenerName(port uint32) string { return fmt.Sprintf("outbound|%d", port) }

// virtualOutbound makes the one listener that is bound, and those that it
// hands connections to: for each address of a TCP or TLS service one, and for
// each port one. So a service that comes or goes touches no other's listener.
func (p *proxy) virtualOutbound() {
	if p.mode == model.AllowAnyDynamicDNS {
		p.out.Clusters = append(p.out.Clusters, dynamicPassthrough(p.mesh))
	}
	l := &listenerv3.Listener{
		Name:                VirtualOutbound,
		Address:             address("127.0.0.1", OutboundPort),
		AdditionalAddresses: []*listenerv3.AdditionalAddress{{Address: address("::1", OutboundPort)}},
		Freebind:            wrapperspb.Bool(true), // a machine without IPv6 has no ::1
		TrafficDirection:    corev3.TrafficDirection_OUTBOUND,
		UseOriginalDst:      wrapperspb.Bool(true),
		FilterChains:        []*listenerv3.FilterChain{notToItself(OutboundPort)},
		DefaultFilterChain:  p.otherChain(),
	}
	originally(l)
	p.out.Listeners = append(p.out.Listeners, l)
	taken := map[string]bool{}
	for _, c := range p.connections.list {
		p.addressListeners(c, taken)
	}
	for _, port := range p.calledPorts() {
		p.portListener(port)
	}
	p.egress()
}

// notToItself ends connections that were made to the sidecar's own port, which
// would come back to it for ever.
func notToItself(port uint32) *listenerv3.FilterChain {
	return &listenerv3.FilterChain{
		Name:             chainBlackHole,
		FilterChainMatch: &listenerv3.FilterChainMatch{DestinationPort: wrapperspb.UInt32(port)},
		Filters:          []*listenerv3.Filter{toCluster(chainBlackHole, clusterBlackHole)},
	}
}

// handedTo is a listener that is bound nowhere: it gets what was going to its
// addresses from the one that is.
func handedTo(name string, port uint32, addresses ...string) *listenerv3.Listener {
	l := &listenerv3.Listener{Name: name, Address: address(addresses[0], port), BindToPort: wrapperspb.Bool(false), TrafficDirection: corev3.TrafficDirection_OUTBOUND}
	for _, a := range addresses[1:] {
		l.AdditionalAddresses = append(l.AdditionalAddresses, &listenerv3.AdditionalAddress{Address: address(a, port)})
	}
	return l
}

// addressListeners are those of a port of a service that is known by its
// addresses. Each endpoint of a headless one has its own, so that one that
// comes or goes touches no other's.
func (p *proxy) addressListeners(c connection, taken map[string]bool) {
	add := func(name string, addresses []string) {
		addresses = slices.DeleteFunc(slices.Clone(addresses), func(a string) bool {
			key := fmt.Sprintf("%s|%d", a, c.port)
			was := taken[key]
			taken[key] = true
			return was
		})
		if len(addresses) == 0 {
			return
		}
		l := handedTo(name, c.port, addresses...)
		p.connectionChains(l, c)
		p.out.Listeners = append(p.out.Listeners, l)
	}
	add(c.chain, c.addresses)
	for _, h := range p.headless {
		if h.chain == c.chain {
			for _, a := range h.addresses {
				add(c.chain+"|"+a, []string{a})
			}
		}
	}
}

// connectionChains give a listener the chains of one connection, and what
// tells them apart.
func (p *proxy) connectionChains(l *listenerv3.Listener, c connection) {
	l.FilterChains = p.chainsOf(c)
	switch {
	case c.protocol == model.Auto:
		l.FilterChains = append(l.FilterChains, p.portHTTP(c.port))
		p.sniff(l)
	case len(c.byName) > 0 || c.dynamic:
		p.sniffTLS(l)
	}
	if len(l.FilterChains) > 1 {
		l.FilterChainMatcher = asMatcher(c.then())
	}
}

// chainsOf are a connection's own chains: one for all, and those of names.
func (p *proxy) chainsOf(c connection) []*listenerv3.FilterChain {
	out := []*listenerv3.FilterChain{c.resolve(p.tcpChain(c.chain, c.port), "")}
	for _, s := range c.byName {
		out = append(out, c.resolve(p.tcpChain(s.chain, c.port), ""))
	}
	return out
}

// calledPorts are those that need a listener for all addresses.
func (p *proxy) calledPorts() []uint32 {
	out := slices.Clone(p.httpPorts)
	for _, c := range p.connections.list {
		if c.atAnyAddress() || len(c.ranges) > 0 || len(c.hosts) > 0 {
			out = append(out, c.port)
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	return slices.DeleteFunc(out, func(port uint32) bool {
		if port == InboundPort {
			p.problem(model.Warning, model.CodePort, p.w.Object, "", "a sidecar that gets redirected traffic takes this port itself: calls to it are not routed", "give the service another port than 15006")
		}
		return port == InboundPort
	})
}

// portListener takes the calls to a port that no address tells apart. HTTP is
// told by its first bytes and routed by its host, TLS by its server name, the
// rest goes to the service that has the port without an address, if there is
// one, else where it was going.
func (p *proxy) portListener(port uint32) {
	l := handedTo(portListenerName(port), port, anyAddress, anyAddress6)
	http := slices.Contains(p.httpPorts, port)
	at := connectionsAt(p.connections.list, port)
	for _, c := range at {
		if !c.atAnyAddress() && len(c.ranges)+len(c.hosts) == 0 {
			continue
		}
		l.FilterChains = append(l.FilterChains, p.chainsOf(c)...)
	}
	if http {
		l.FilterChains = append(l.FilterChains, p.portHTTP(port))
	}
	l.FilterChains = append(l.FilterChains, p.otherChain())
	l.FilterChainMatcher = portMatcher(at, http)
	switch {
	case http:
		p.sniff(l)
	case slices.ContainsFunc(at, func(c connection) bool { return len(c.hosts)+len(c.byName) > 0 }):
		p.sniffTLS(l)
	}
	p.out.Listeners = append(p.out.Listeners, l)
}

func connectionsAt(list []connection, port uint32) []connection {
	return slices.DeleteFunc(slices.Clone(list), func(c connection) bool { return c.port != port })
}

// portHTTP is the chain of the requests to a port. All listeners that see some
// share what is in it.
func (p *proxy) portHTTP(port uint32) *listenerv3.FilterChain {
	name := portListenerName(port)
	filters, made := p.managers[port]
	if !made {
		routes := p.portRoutes(name)
		p.patchRouteConfiguration(routes, outbound, routesPlace{routes: name, port: model.Port{Number: port}})
		p.out.Routes = append(p.out.Routes, routes)
		filters = p.managed(chain{listener: name, direction: outbound, port: port}, routes)
		p.managers[port] = filters
	}
	return &listenerv3.FilterChain{Name: chainHTTP, Filters: filters}
}

// portRoutes say what becomes of hosts that nobody declared; those that are
// known come as virtual hosts. The port is that of the connection, so a host
// is one with whatever port stands behind it.
func (p *proxy) portRoutes(name string) *routev3.RouteConfiguration {
	out := egressRoutes(name)
	if !allowsUnknown(p.mode) {
		return out
	}
	cluster := clusterPassthrough
	switch {
	case p.egressTo != nil:
		cluster = destinationCluster(*p.egressTo)
	case p.mode == model.AllowAnyDynamicDNS:
		cluster = clusterDynamicPassthrough
	}
	to := &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: cluster}}
	setTimeout(to, nil)
	out.VirtualHosts[0].Name = RouteAllowAny
	out.VirtualHosts[0].Routes = []*routev3.Route{{Name: RouteAllowAny, Match: onAnyPath(), Action: &routev3.Route_Route{Route: to}}}
	return out
}
