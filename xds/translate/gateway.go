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
			Name:             c.listener,
			ValidateClusters: wrapperspb.Bool(false),
			Vhds:             &routev3.Vhds{ConfigSource: overADS()},
			// Clients name the port that they reached the gateway by, which
			// need not be the Gateway's.
			IgnorePortInHostMatching: true,
		}
		for _, h := range gatewayHosts(p.snap, p.w, port.Number) {
			v := &routev3.VirtualHost{
				Name:    virtualHostName(c.listener, h.host, port.Number),
				Domains: []string{h.host},
				Routes:  p.routes(h.choices),
			}
			if h.httpsOnly {
				v.RequireTls = routev3.VirtualHost_ALL
			}
			p.out.VirtualHosts = append(p.out.VirtualHosts, v)
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
	for _, g := range p.snap.Gateways {
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

// gatewayHost is one virtual host of a gateway's port.
type gatewayHost struct {
	host      string
	httpsOnly bool
	choices   []RouteChoice
}

// gatewayHosts gives the hosts of a port, by name.
func gatewayHosts(snap *model.Snapshot, w model.Workload, port uint32) []gatewayHost {
	type binding struct {
		tables    []*model.RouteTable
		gateways  []string
		httpsOnly bool
	}
	bound := map[string]*binding{}
	at := func(host string) *binding {
		if bound[host] == nil {
			bound[host] = &binding{}
		}
		return bound[host]
	}
	for _, g := range snap.Gateways {
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
				for _, t := range gatewayTables(snap, w, g, s, i) {
					for _, host := range t.Hosts {
						meet, ok := intersect(served, host)
						if !ok {
							continue
						}
						b := at(meet)
						b.httpsOnly = b.httpsOnly || s.HTTPSRedirect
						if !slices.Contains(b.tables, t) {
							b.tables = append(b.tables, t)
						}
						b.gateways = append(b.gateways, g.Object.Key())
					}
				}
			}
		}
	}
	var out []gatewayHost
	for host, b := range bound {
		slices.SortFunc(b.tables, func(a, c *model.RouteTable) int { return strings.Compare(a.Object.Key(), c.Object.Key()) })
		out = append(out, gatewayHost{host: host, httpsOnly: b.httpsOnly, choices: choices(b.tables, w, port, b.gateways)})
	}
	slices.SortFunc(out, func(a, b gatewayHost) int { return strings.Compare(a.host, b.host) })
	return out
}

// gatewayTables are the route tables that the i-th host of a server takes.
func gatewayTables(snap *model.Snapshot, w model.Workload, g *model.Gateway, s model.GatewayServer, i int) []*model.RouteTable {
	from := ""
	if i < len(s.Namespaces) {
		from = s.Namespaces[i]
	}
	var out []*model.RouteTable
	for _, t := range snap.Routes {
		if slices.Contains(t.Gateways, g.Object.Key()) && (from == "" || from == t.Object.Namespace) &&
			model.Exported(t.ExportTo, t.Object.Namespace, w.Namespace) {
			out = append(out, t)
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
	var best gatewayHost
	for _, h := range gatewayHosts(snap, w, port) {
		if model.HostMatches(strings.ToLower(h.host), strings.ToLower(host)) &&
			(best.host == "" || specificity(h.host) > specificity(best.host)) {
			best = h
		}
	}
	return best.choices
}
