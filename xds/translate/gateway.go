package translate

import (
	"fmt"
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

// gateway makes a listener for each port that a Gateway opens on this
// workload. Several Gateways share a port.
func (p *proxy) gateway() {
	for _, port := range p.gatewayPorts() {
		c := chain{listener: gatewayListener(port.Number), direction: gateway, port: port.Number}
		routes := &routev3.RouteConfiguration{
			Name:                           c.listener,
			ValidateClusters:               wrapperspb.Bool(false),
			MaxDirectResponseBodySizeBytes: wrapperspb.UInt32(maxDirectBody),
			Vhds:                           &routev3.Vhds{ConfigSource: overADS()},
			// Clients name the port that they reached the gateway by, which
			// need not be the Gateway's.
			IgnorePortInHostMatching: true,
		}
		p.out.Routes = append(p.out.Routes, routes)
		p.out.Listeners = append(p.out.Listeners, &listenerv3.Listener{
			Name:             c.listener,
			Address:          address(p.w.Address, port.AppPort),
			TrafficDirection: corev3.TrafficDirection_OUTBOUND,
			FilterChains:     []*listenerv3.FilterChain{{Filters: []*listenerv3.Filter{p.connectionManager(c, routes)}}},
		})
	}
}

// gatewayPorts are the workload's ports that some Gateway opens.
func (p *proxy) gatewayPorts() []model.WorkloadPort {
	open := map[uint32]bool{}
	for _, g := range p.gateways {
		if !g.Selector.Matches(p.w) {
			continue
		}
		for i, s := range g.Servers {
			field := fmt.Sprintf("spec.servers[%d].port", i)
			known := slices.ContainsFunc(p.w.Ports, func(w model.WorkloadPort) bool { return w.Number == s.Port })
			switch {
			case !s.Protocol.IsHTTP():
				p.notSupported(g.Object, field+".protocol", fmt.Sprintf("a %s server is not opened yet", s.Protocol), "use HTTP, HTTP2 or GRPC")
			case !known:
				p.problem(model.Warning, model.CodeInvalidValue, g.Object, field+".number",
					fmt.Sprintf("the gateway %s has no port %d", p.w.ID(), s.Port), "add it to the gateway's ports in the Mesh")
			default:
				open[s.Port] = true
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(p.w.Ports), func(w model.WorkloadPort) bool { return !open[w.Number] })
}

// openPorts are the ports that some Gateway opens for HTTP on a workload.
func openPorts(snap *model.Snapshot, w *model.Workload) []model.WorkloadPort {
	var out []model.WorkloadPort
	for _, port := range w.Ports {
		if slices.ContainsFunc(snap.Gateways, func(g *model.Gateway) bool {
			return g.Selector.Matches(*w) && slices.ContainsFunc(g.Servers, func(s model.GatewayServer) bool {
				return s.Port == port.Number && s.Protocol.IsHTTP()
			})
		}) {
			out = append(out, port)
		}
	}
	return out
}

// gatewayHosts makes the virtual hosts of a gateway's ports.
func (r *round) gatewayHosts(w *model.Workload, c class) *Part {
	var parts []*Part
	for _, port := range openPorts(r.snap, w) {
		for _, in := range gatewayInputs(r.tables, *w, port.Number) {
			in.mesh = r.mesh
			r.addCaller(&in, c)
			parts = append(parts, r.hosts.of(in))
		}
	}
	return r.joined.of(joinInput{parts})
}

// gatewayInputs lists the virtual hosts of a port, by host.
func gatewayInputs(ts *tables, w model.Workload, port uint32) []hostInput {
	bound := map[string]*hostInput{}
	at := func(host string) *hostInput {
		if bound[host] == nil {
			bound[host] = &hostInput{routes: gatewayListener(port), host: host, domains: []string{host}, namespace: w.Namespace,
				port: model.Port{Number: port, Protocol: model.HTTP}}
		}
		return bound[host]
	}
	for _, g := range ts.snap.Gateways {
		if !g.Selector.Matches(w) {
			continue
		}
		for _, s := range g.Servers {
			if s.Port != port || !s.Protocol.IsHTTP() {
				continue
			}
			for i, served := range s.Hosts {
				if s.HTTPSRedirect {
					at(served).httpsOnly = true
				}
				for _, t := range ts.bound(g, s, i, w) {
					for _, host := range t.Hosts {
						if meet, ok := intersect(served, host); ok {
							at(meet).bind(g, s, t)
						}
					}
				}
			}
		}
	}
	out := make([]hostInput, 0, len(bound))
	for _, in := range bound {
		slices.SortFunc(in.tables, func(a, c *model.RouteTable) int { return strings.Compare(a.Object.Key(), c.Object.Key()) })
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

// bound are the route tables that the i-th host of a server takes.
func (t *tables) bound(g *model.Gateway, s model.GatewayServer, i int, w model.Workload) []*model.RouteTable {
	from := ""
	if i < len(s.Namespaces) {
		from = s.Namespaces[i]
	}
	var out []*model.RouteTable
	for _, table := range t.of(g.Object.Key(), w.Namespace).all {
		if from == "" || from == table.Object.Namespace {
			out = append(out, table)
		}
	}
	return out
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
// (without its port), in the order in which they are tried. None: 404.
func GatewayRoutesFor(snap *model.Snapshot, w model.Workload, host string, port uint32) []RouteChoice {
	var best hostInput
	for _, h := range gatewayInputs(newTables(snap), w, port) {
		if model.HostMatches(strings.ToLower(h.host), strings.ToLower(host)) &&
			(best.host == "" || specificity(h.host) > specificity(best.host)) {
			best = h
		}
	}
	best.labels = w.Labels
	return best.choices()
}
