package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// gatewayPort finds the Gateway port that a request reaches, and the one
// really bound: by either number, or the only one there is.
func gatewayPort(w model.Workload, named uint32) (port, bound uint32) {
	for _, p := range w.Ports {
		if p.Number == named || p.AppPort == named || len(w.Ports) == 1 {
			return p.Number, p.AppPort
		}
	}
	return named, 0
}

// gatewayHost finds the virtual host of a gateway for a request; the port in
// the request's authority plays no part. why says why there is none.
func gatewayHost(s *model.Snapshot, w model.Workload, v View) (vh virtualHost, why string) {
	name, _ := SplitAuthority(strings.ToLower(v.Authority))
	open := false
	for _, g := range s.Gateways {
		for k, server := range g.Servers {
			if !g.Selector.Matches(w) || server.Port != v.Port || !seesRequests(server) {
				continue
			}
			open = true
			if server.TLS != nil && !isServer(s, w, v.Port, name, &g.Servers[k]) {
				continue
			}
			for i, host := range server.Hosts {
				if server.HTTPSRedirect && model.HostMatches(host, name) {
					vh.narrow(host, w, g, server, nil)
				}
				for _, t := range serverTables(s, w, g, server, i) {
					for _, h := range t.Hosts {
						if both := narrower(host, h); both != "" && model.HostMatches(both, name) {
							vh.narrow(both, w, g, server, t)
						}
					}
				}
			}
		}
	}
	switch {
	case !open:
		return vh, fmt.Sprintf("no Gateway opens port %d of %s for HTTP", v.Port, w.ID())
	case vh.host == "":
		return vh, fmt.Sprintf("no VirtualService of the gateway has the host %s", name)
	}
	place := func(t *model.RouteTable) int { return slices.Index(s.Routes, t) } // the oldest first
	slices.SortFunc(vh.tables, func(a, b *model.RouteTable) int { return place(a) - place(b) })
	return vh, ""
}

// seesRequests tells whether a server has requests, not connections.
func seesRequests(s model.GatewayServer) bool {
	return s.Protocol.IsHTTP() || s.Protocol == model.HTTPS && s.TLS != nil && s.TLS.Mode != model.TLSPassthrough && s.TLS.Mode != model.TLSAutoPassthrough
}

// isServer tells whether a server is the one that takes a client's TLS: the
// first of those whose host fits the name best that it asks for.
func isServer(s *model.Snapshot, w model.Workload, port uint32, name string, server *model.GatewayServer) bool {
	var best *model.GatewayServer
	fit := ""
	for _, g := range s.Gateways {
		for k := range g.Servers {
			other := &g.Servers[k]
			if !g.Selector.Matches(w) || other.Port != port || other.TLS == nil {
				continue
			}
			for _, host := range other.Hosts {
				if model.HostMatches(host, name) && moreSpecific(host, fit) {
					best, fit = other, host
				}
			}
		}
	}
	return best == server
}

// encrypted tells whether a gateway's port takes TLS.
func encrypted(s *model.Snapshot, w model.Workload, port uint32) bool {
	return slices.ContainsFunc(s.Gateways, func(g *model.Gateway) bool {
		return g.Selector.Matches(w) && slices.ContainsFunc(g.Servers, func(server model.GatewayServer) bool {
			return server.Port == port && server.TLS != nil
		})
	})
}

// narrow adds what one host of a server brings; a host that is more specific
// than those before takes their place.
func (vh *virtualHost) narrow(host string, w model.Workload, g *model.Gateway, server model.GatewayServer, t *model.RouteTable) {
	if host != vh.host {
		if !moreSpecific(host, vh.host) {
			return
		}
		*vh = virtualHost{host: host, at: Place{Proxy: w, Port: server.Port}}
	}
	vh.https = vh.https || server.HTTPSRedirect
	if t == nil {
		return
	}
	vh.at.Gateways = append(vh.at.Gateways, g.Object.Key())
	if !slices.ContainsFunc(vh.tables, func(have *model.RouteTable) bool { return have.Object == t.Object }) {
		vh.tables = append(vh.tables, t)
	}
}

// serverTables are the route tables that the i-th host of a server takes.
func serverTables(s *model.Snapshot, w model.Workload, g *model.Gateway, server model.GatewayServer, i int) []*model.RouteTable {
	from := ""
	if i < len(server.Namespaces) {
		from = server.Namespaces[i]
	}
	return slices.DeleteFunc(slices.Clone(s.Routes), func(t *model.RouteTable) bool {
		return !slices.Contains(t.Gateways, g.Object.Key()) || (from != "" && from != t.Object.Namespace) ||
			!model.Exported(t.ExportTo, t.Object.Namespace, w.Namespace)
	})
}

// narrower gives the host that two patterns share, or "".
func narrower(a, b string) string {
	switch {
	case model.HostMatches(a, b):
		return b
	case model.HostMatches(b, a):
		return a
	}
	return ""
}
