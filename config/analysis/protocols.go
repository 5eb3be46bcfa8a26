package analysis

import (
	"slices"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// ruleProtocols looks for rules of a protocol that nothing they are for
// speaks: HTTP rules for a host without an HTTP port, and for gateways that
// decrypt nothing.
func ruleProtocols(r *run) {
	for _, t := range r.Snapshot.Routes {
		e := r.entries[t.Object]
		if e == nil {
			continue
		}
		http, tls, tcp := r.spoken(t)
		for _, kind := range []struct {
			field  string
			given  bool
			spoken bool
			want   string
		}{
			{"spec.http", len(t.HTTP) > 0, http, "HTTP, with TLS ended by the gateway where there is some"},
			{"spec.tls", len(t.TLS) > 0, tls, "TLS that the gateway passes through"},
			{"spec.tcp", len(t.TCP) > 0, tcp, "TCP"},
		} {
			if kind.given && !kind.spoken {
				r.warn(t.Object, model.CodeProtocol, kind.field, "correct the protocol of the port, or write the rules for it",
					"nothing that its hosts and gateways open is %s: these rules have no effect", kind.want)
			}
		}
		r.matchPorts(e, t)
	}
}

// spoken tells what the ports are that a VirtualService's rules are for. All
// of it where that is not known.
func (r *run) spoken(t *model.RouteTable) (http, tls, tcp bool) {
	for _, p := range r.ports(t) {
		switch {
		case p.Protocol.MayBeHTTP():
			http, tcp = true, tcp || p.Protocol == model.Auto
			tls = tls || p.Protocol == model.Auto
		case p.Protocol.IsTLS():
			tls, tcp = true, true
		default:
			tcp, tls = true, true
		}
	}
	for _, s := range r.servers(t) {
		ended := s.TLS != nil && s.TLS.Mode != model.TLSPassthrough && s.TLS.Mode != model.TLSAutoPassthrough
		switch {
		case s.Protocol.IsHTTP(), s.Protocol == model.HTTPS && ended:
			http = true
		case s.Protocol.IsTLS() && !ended:
			tls = true
		default:
			tcp = true
		}
	}
	if len(r.ports(t)) == 0 && len(r.servers(t)) == 0 {
		return true, true, true // reported already, as a host that nobody has
	}
	return http, tls, tcp
}

// ports are those of the services whose hosts the mesh's part of a
// VirtualService routes.
func (r *run) ports(t *model.RouteTable) []model.Port {
	var out []model.Port
	if !slices.Contains(t.Gateways, model.MeshGateway) {
		return nil
	}
	for _, s := range r.Snapshot.Services {
		if s.VisibleTo(t.Object.Namespace) && slices.ContainsFunc(t.Hosts, func(h string) bool { return model.HostMatches(h, s.Host) }) {
			out = append(out, s.Ports...)
		}
	}
	return out
}

// servers are those that take a host of a VirtualService.
func (r *run) servers(t *model.RouteTable) []model.GatewayServer {
	var out []model.GatewayServer
	for _, g := range r.Snapshot.Gateways {
		if !slices.Contains(t.Gateways, g.Object.Key()) {
			continue
		}
		for _, s := range g.Servers {
			if slices.ContainsFunc(t.Hosts, func(h string) bool { return takes(s, h, t.Object.Namespace) }) {
				out = append(out, s)
			}
		}
	}
	return out
}

func takes(s model.GatewayServer, host, namespace string) bool {
	for i, h := range s.Hosts {
		if (s.Namespaces[i] == "" || s.Namespaces[i] == namespace) && (model.HostMatches(h, host) || model.HostMatches(host, h)) {
			return true
		}
	}
	return false
}

// matchPorts looks for matches on a port that nothing opens.
func (r *run) matchPorts(e *crds.Entry, t *model.RouteTable) {
	open := map[uint32]bool{}
	for _, p := range r.ports(t) {
		open[p.Number] = true
	}
	for _, s := range r.servers(t) {
		open[s.Port] = true
	}
	if len(open) == 0 {
		return
	}
	check := func(port uint32, field string) {
		if port != 0 && !open[port] {
			r.warn(e.Ref, model.CodeProtocol, field+".port", "", "neither its hosts nor its gateways have a port %d: it matches nothing", port)
		}
	}
	for i, h := range e.Content.Routes.HTTP {
		for j, m := range h.Matches {
			check(m.Port, item(item("spec.http", i)+".match", j))
		}
	}
	for name, list := range map[string][]model.L4Route{"spec.tls": e.Content.Routes.TLS, "spec.tcp": e.Content.Routes.TCP} {
		for i, c := range list {
			for j, m := range c.Matches {
				check(m.Port, item(item(name, i)+".match", j))
			}
		}
	}
}
