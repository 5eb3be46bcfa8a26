package translate

import (
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

// gateway makes the listeners that were planned.
func (p *proxy) gateway() {
	for _, planned := range p.listeners.list {
		l := &listenerv3.Listener{
			Name:             planned.name,
			Address:          bindAddress(planned.bind, planned.port),
			TrafficDirection: corev3.TrafficDirection_OUTBOUND,
		}
		if planned.tls {
			p.sniffTLS(l)
		}
		for _, c := range planned.chains {
			if !p.canProve(c) {
				continue
			}
			l.FilterChains = append(l.FilterChains, p.gatewayChain(planned, c))
		}
		if len(l.FilterChains) == 0 { // Envoy wants one: nothing is served yet
			l.FilterChains = []*listenerv3.FilterChain{{Name: chainOther, Filters: []*listenerv3.Filter{toCluster(chainOther, clusterBlackHole)}}}
		}
		p.out.Listeners = append(p.out.Listeners, l)
	}
}

// canProve is false for a server of ISTIO_MUTUAL where there is no certificate
// to show.
func (p *proxy) canProve(c plannedChain) bool {
	if !p.opt.NoIdentity || c.tls == nil || c.tls.Mode != model.TLSIstioMutual {
		return true
	}
	p.problem(model.Error, model.CodeNotSupported, p.w.Object, "", "the server "+c.name+" of "+p.w.ID()+" shows the workload's own certificate (ISTIO_MUTUAL), and a proxy without an agent has none: it is not opened",
		"run the gateway with `krater agent` or `krater up`")
	return false
}

func (p *proxy) gatewayChain(l plannedListener, c plannedChain) *listenerv3.FilterChain {
	out := &listenerv3.FilterChain{Name: c.name}
	if len(c.names) > 0 || len(c.sources) > 0 {
		out.FilterChainMatch = &listenerv3.FilterChainMatch{ServerNames: c.names, SourcePrefixRanges: cidrs(c.sources)}
	}
	if c.tls != nil {
		out.TransportSocket = p.decrypt(c.tls, c.http)
	}
	if verifiesClients(c.tls) {
		out.Filters = []*listenerv3.Filter{certifiedSource()}
	}
	if c.cluster != "" {
		out.FilterChainMatch.ApplicationProtocols = meshALPN
		out.Filters = []*listenerv3.Filter{toCluster(c.name, c.cluster)}
		return out
	}
	if !c.http {
		out.Filters = append(out.Filters, p.passing(gateway, l.number, c.name)...)
		return out
	}
	routes := &routev3.RouteConfiguration{
		Name:                           c.name,
		ValidateClusters:               wrapperspb.Bool(false),
		MaxDirectResponseBodySizeBytes: wrapperspb.UInt32(maxDirectBody),
		Vhds:                           &routev3.Vhds{ConfigSource: overADS()},
		// Clients name the port that they reached the gateway by, which
		// need not be the Gateway's.
		IgnorePortInHostMatching: true,
	}
	p.patchRouteConfiguration(routes, gateway, routesPlace{routes: c.name, port: model.Port{Number: l.number}, gateways: c.gateways})
	p.out.Routes = append(p.out.Routes, routes)
	at := chain{listener: c.name, direction: gateway, port: l.number, names: c.names, tls: c.tls != nil, verified: verifiesClients(c.tls)}
	out.Filters = append(out.Filters, p.managed(at, routes)...)
	return out
}

// bindAddress is an IP with a port, or a unix socket.
func bindAddress(bind string, port uint32) *corev3.Address {
	if path, ok := strings.CutPrefix(bind, unixPrefix); ok {
		return &corev3.Address{Address: &corev3.Address_Pipe{Pipe: &corev3.Pipe{Path: path}}}
	}
	return address(bind, port)
}

func cidrs(ranges []string) []*corev3.CidrRange {
	var out []*corev3.CidrRange
	for _, r := range ranges {
		if p, err := prefix(r); err == nil {
			out = append(out, &corev3.CidrRange{AddressPrefix: p.Addr().String(), PrefixLen: wrapperspb.UInt32(uint32(p.Bits()))})
		}
	}
	return out
}

// plan is what a gateway opens.
func (r *round) plan(w *model.Workload) *gatewayPlan {
	in := planInput{workload: w, gateways: selected(r.snap.Gateways, w, func(g *model.Gateway) model.Selector { return g.Selector })}
	for _, g := range in.gateways {
		in.tables = append(in.tables, gatewayTables{l4Tables(r.tables.of(g.Object.Key(), w.Namespace).all)})
	}
	in.passed = r.passedOn(w, in.gateways)
	return r.plans.of(in)
}

// gatewayHosts makes the virtual hosts of a gateway, and the slots of what
// passes connections on.
func (r *round) gatewayHosts(plan *gatewayPlan, w *model.Workload, c class) *Part {
	var parts []*Part
	for _, l := range plan.listeners {
		for _, chain := range l.chains {
			for _, in := range gatewayInputs(r.tables, *w, l.number, chain.name, plan.served[chain.name]) {
				in.mesh = r.mesh
				r.addCaller(&in, c)
				parts = append(parts, r.hosts.of(in))
			}
		}
	}
	return r.joined.of(joinInput{append(parts, r.tcpSlots(c, plan.destinations, plan.places()), r.passedParts(c, w), plan.complaints)})
}

// places are those of its filter chains, by name.
func (p *gatewayPlan) places() map[string]listenerPlace {
	out := map[string]listenerPlace{}
	for _, l := range p.listeners {
		for _, c := range l.chains {
			out[c.name] = listenerPlace{direction: gateway, listener: l.name, chain: c.name, port: l.number, names: c.names, tls: l.tls}
		}
	}
	return out
}

// gatewayInputs lists the virtual hosts of a route configuration, by host.
func gatewayInputs(ts *tables, w model.Workload, port uint32, routes string, servers []served) []hostInput {
	bound := map[string]*hostInput{}
	at := func(host string) *hostInput {
		if bound[host] == nil {
			bound[host] = &hostInput{routes: routes, host: host, domains: []string{host}, namespace: w.Namespace,
				port: model.Port{Number: port, Protocol: model.HTTP}}
		}
		return bound[host]
	}
	for _, s := range servers {
		d := s.declared()
		for _, i := range s.hosts {
			if d.HTTPSRedirect {
				at(d.Hosts[i]).httpsOnly = true
			}
			for _, t := range from(ts.of(s.gateway.Object.Key(), w.Namespace).all, d, i) {
				for _, host := range t.Hosts {
					if meet, ok := intersect(d.Hosts[i], host); ok && len(t.HTTP) > 0 {
						at(meet).bind(s.gateway, d, t)
					}
				}
			}
		}
	}
	out := make([]hostInput, 0, len(bound))
	for _, in := range bound {
		slices.SortFunc(in.tables, func(a, c *model.RouteTable) int { return ts.place[a] - ts.place[c] })
		out = append(out, *in)
	}
	slices.SortFunc(out, func(a, b hostInput) int { return strings.Compare(a.host, b.host) })
	return out
}

// bind adds a table by way of one server.
func (in *hostInput) bind(g *model.Gateway, s model.GatewayServer, t *model.RouteTable) {
	in.httpsOnly, in.tls = in.httpsOnly || s.HTTPSRedirect, in.tls || s.TLS != nil
	if !slices.Contains(in.tables, t) {
		in.tables = append(in.tables, t)
	}
	if !slices.Contains(in.gateways, g.Object.Key()) {
		in.gateways = append(in.gateways, g.Object.Key())
	}
}

// intersect gives the narrower of two host patterns that cover common hosts.
func intersect(a, b string) (string, bool) {
	switch {
	case model.HostMatches(a, b):
		return b, true
	case model.HostMatches(b, a):
		return a, true
	}
	return "", false
}

// GatewayRoutesFor gives the routes of a gateway's port for a request's host
// (without its port), in the order in which they are tried. None: 404. Where
// the port is TLS, the client asked for the same name.
func GatewayRoutesFor(snap *model.Snapshot, w model.Workload, host string, port uint32) []RouteChoice {
	r := NewCompiler(Options{}).round(snap, nil)
	plan := r.plan(&w)
	host = strings.ToLower(host)
	var best hostInput
	for _, l := range plan.listeners {
		if l.number != port {
			continue
		}
		c := l.chainFor(host)
		if c == nil {
			continue
		}
		for _, h := range gatewayInputs(r.tables, w, port, c.name, plan.served[c.name]) {
			if model.HostMatches(strings.ToLower(h.host), host) && (best.host == "" || specificity(h.host) > specificity(best.host)) {
				best = h
			}
		}
	}
	best.labels = w.Labels
	return best.choices()
}

// chainFor is the chain that takes a server name, as Envoy chooses; nil: none.
func (l plannedListener) chainFor(name string) *plannedChain {
	var best *plannedChain
	fit := -1
	for i, c := range l.chains {
		if len(c.names) == 0 && fit < 0 && len(c.sources) == 0 {
			best, fit = &l.chains[i], 0
		}
		for _, n := range c.names {
			if model.HostMatches(strings.ToLower(n), name) && specificity(n) > fit {
				best, fit = &l.chains[i], specificity(n)
			}
		}
	}
	return best
}
