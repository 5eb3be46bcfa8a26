package translate

import (
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"github.com/krater-mesh/krater/model"
)

// connection is a port of a service whose connections may be passed on as they
// are, as a sidecar's listeners know it. Where they go is in their slots, so
// that another destination is no other listener.
type connection struct {
	chain    string // its filter chain
	protocol model.Protocol
	names    []string // by which it is called, with the port; may begin with "*"
	ranges   []string // of addresses that it is called by
	// addresses are virtual ones, which tell where traffic is redirected; a
	// headless service is told by its endpoints' instead.
	addresses []string
	headless  bool
	port      uint32
	local     uint32       // the loopback port for it; 0: none
	dynamic   bool         // it goes where its caller said
	byName    []serverName // chains for server names: the first that fits
	hosts     []string     // server names that mean it where nothing else tells
}

// serverName leads TLS connections for a name ("*" in front is a wildcard) to
// a filter chain.
type serverName struct{ name, chain string }

// connections are a sidecar's.
type connections struct{ list []connection }

// connectionsInput is what they are made of.
type connectionsInput struct {
	namespace string
	labels    map[string]string // the caller's, where a rule asks for some
	services  []*model.Service
	tables    []*model.RouteTable // with rules for connections
	dynamic   []string            // ports whose connections go where their callers say, by filter chain
	redirect  bool
}

// sidecarConnections are the connections of a namespace's sidecars, and where
// each of their filter chains leads.
type sidecarConnections struct {
	connections
	destinations map[string][]model.Destination // by filter chain
	places       map[string]listenerPlace
	complaints   *Part
}

// connectionsOf makes them.
func connectionsOf(in connectionsInput) *sidecarConnections {
	var problems report
	out := &sidecarConnections{destinations: map[string][]model.Destination{}, places: map[string]listenerPlace{}}
	for _, s := range in.services {
		closest, within := closestTables(in.tables, s.Host), tablesWithin(in.tables, s.Host)
		for _, port := range s.Ports {
			if port.Protocol.IsHTTP() {
				continue
			}
			at := call{in.namespace, in.labels, []string{model.MeshGateway}, port.Number, s.Addresses}
			c := connection{chain: tcpListener(port.Number, s.Host), protocol: port.Protocol, port: port.Number, local: s.LocalPorts[port.Number]}
			c.names, c.ranges = calledBy(s, port.Number, in.namespace)
			c.addresses, c.headless = s.VirtualAddresses(), s.Headless
			c.dynamic = slices.Contains(in.dynamic, c.chain)
			out.places[c.chain] = listenerPlace{direction: outbound, listener: c.chain, chain: c.chain, port: c.port}
			out.destinations[c.chain] = []model.Destination{{Host: s.Host, Namespace: s.Namespace, Port: port.Number, Weight: 1}}
			at.complain(&problems, closest, s)
			for _, r := range at.tcpRoutes(closest) {
				if r.source == "" { // a sidecar's caller has no address of its own
					out.destinations[c.chain] = r.route.Destinations
				}
			}
			if port.Protocol != model.TCP {
				for _, t := range at.tlsRoutes(append(slices.Clone(within), closest...)) {
					chain := c.chain + "|" + t.name
					c.byName = append(c.byName, serverName{t.name, chain})
					out.destinations[chain] = t.route.Destinations
					out.places[chain] = listenerPlace{direction: outbound, listener: c.chain, chain: chain, port: c.port, names: []string{t.name}, tls: true}
				}
			}
			if port.Protocol.IsTLS() {
				c.hosts = serverNames(s, in.namespace)
			}
			out.list = append(out.list, c)
		}
	}
	if in.redirect {
		complainOfPorts(&problems, in.services, out.list)
	}
	out.complaints = &Part{problems: problems.problems}
	return out
}

// complain reports rules that hold but for what a sidecar cannot compare, and
// addresses of the service that it cannot.
func (c call) complain(r *report, tables []*model.RouteTable, s *model.Service) {
	for _, t := range tables {
		c.complainOf(r, t.Object, "spec.tls", t.TLS, s)
		c.complainOf(r, t.Object, "spec.tcp", t.TCP, s)
	}
	for i, a := range s.Addresses {
		if strings.Contains(a, "/") && strings.Contains(a, ":") {
			r.notSupported(s.Object, "spec.addresses["+strconv.Itoa(i)+"]", "ranges of IPv6 addresses are not recognized: "+a+" does not lead to "+s.Host, "call it by name, or by addresses without a range")
		}
	}
}

func (c call) complainOf(r *report, table model.Ref, field string, routes []model.L4Route, s *model.Service) {
	for i, route := range routes {
		for j, m := range route.Matches {
			at := field + "[" + strconv.Itoa(i) + "].match[" + strconv.Itoa(j) + "]"
			if m.SourceSubnet != "" {
				r.notSupported(table, at+".sourceSubnet", "a sidecar's callers have no address of their own: the rule never holds there", "use sourceLabels, or a gateway")
			}
			if len(m.Subnets) > 0 && len(s.Addresses) == 0 && isPort(m.Port, c.port) {
				r.notSupported(table, at+".destinationSubnets", s.Host+" has no address to compare: the rule never holds for it", "give the service addresses, or leave the subnets out")
			}
		}
	}
}

// calledBy are the names of a service's port, with the port, and the ranges of
// addresses that it has.
func calledBy(s *model.Service, port uint32, namespace string) (names, ranges []string) {
	for _, name := range hostNames(s, namespace) {
		names = append(names, net.JoinHostPort(name, strconv.Itoa(int(port))))
	}
	for _, a := range s.Addresses {
		if strings.Contains(a, "/") {
			ranges = append(ranges, a)
		}
	}
	return names, ranges
}

// serverNames are the names of a service that a TLS client may ask for.
func serverNames(s *model.Service, namespace string) []string {
	return slices.DeleteFunc(hostNames(s, namespace), func(name string) bool { return net.ParseIP(name) != nil })
}

// hostNames are the names by which a namespace may call a service: all its
// forms, without ports.
func hostNames(s *model.Service, namespace string) []string {
	out := []string{s.Host}
	if s.Name != "" {
		out = append(out, s.Name+"."+s.Namespace+".svc", s.Name+"."+s.Namespace)
		if s.Namespace == namespace {
			out = append(out, s.Name)
		}
	}
	for _, a := range s.Addresses {
		if !strings.Contains(a, "/") {
			out = append(out, a)
		}
	}
	return out
}

// connections gives those of a class, and their slots. Equal lists are one, so
// that a rule's new destination makes no proxy's listeners anew.
func (r *round) connections(c class) (*connections, *Part) {
	known := r.scope(c)
	in := connectionsInput{namespace: c.namespace, redirect: c.redirect, tables: l4Tables(r.tables.imported(known, c.namespace).all)}
	for _, s := range known.called {
		if slices.ContainsFunc(s.Ports, func(p model.Port) bool { return !p.Protocol.IsHTTP() }) {
			in.services = append(in.services, s)
			policy := r.snap.DestinationFor(s, c.client())
			for _, port := range s.Ports {
				if !port.Protocol.IsHTTP() && isDynamic(s, policy, port) && (!c.redirect || s.Resolution == model.ResolutionDynamicDNS) {
					in.dynamic = append(in.dynamic, tcpListener(port.Number, s.Host))
				}
			}
		}
	}
	if slices.ContainsFunc(in.tables, l4AsksLabels) {
		in.labels = c.labels
	}
	all := r.calls.of(in)
	return r.lists.of(all.connections), r.joined.of(joinInput{[]*Part{r.tcpSlots(c, all.destinations, all.places), all.complaints}})
}

// tcpSlots makes the slots of filter chains.
func (r *round) tcpSlots(c class, destinations map[string][]model.Destination, places map[string]listenerPlace) *Part {
	var parts []*Part
	list := patchesFor(r.snap, c.client()).of(c.direction(), patchNetwork)
	for _, chain := range slices.Sorted(maps.Keys(destinations)) {
		in := tcpInput{chain: chain, destinations: destinations[chain], place: places[chain], patches: list}
		for _, d := range in.destinations {
			s := r.scope(c).byHost[d.Host]
			if s == nil {
				continue
			}
			p := r.snap.DestinationFor(s, c.client())
			if p != nil {
				in.policies = append(in.policies, hostPolicy{d.Host, p})
			}
			if port, _ := s.PortNumbered(d.Port); port.Protocol == model.Auto && mutualOf(r.mesh, r.opt.NoIdentity, s, p.PolicyFor(d.Subset, d.Port)) != notMutual {
				in.apart = append(in.apart, destinationCluster(d))
			}
		}
		parts = append(parts, r.tcp.of(in))
	}
	return r.joined.of(joinInput{parts})
}

// rangeRoutes let those tunnels in that are for an address of a service's
// range, which no virtual host can name.
func rangeRoutes(list []connection) []*routev3.Route {
	var out []*routev3.Route
	for _, c := range list {
		for _, r := range c.ranges {
			regex, ok := rangeRegex(r, c.port)
			if !ok {
				continue
			}
			route := connectRoute(c.protocol)
			route.Match.Headers = []*routev3.HeaderMatcher{{Name: ":authority", HeaderMatchSpecifier: &routev3.HeaderMatcher_StringMatch{
				StringMatch: &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_SafeRegex{SafeRegex: &matcherv3.RegexMatcher{Regex: regex}}},
			}}}
			out = append(out, route)
		}
	}
	return out
}
