package translate

import (
	"net"
	"slices"
	"strconv"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"github.com/krater-mesh/krater/model"
)

// httpPort is the port of a URL that has none.
const httpPort = 80

// outboundHosts makes a virtual host for each port of each service, and for
// each host that only route tables know.
func (p *proxy) outboundHosts() {
	tables := meshTables(p.snap, p.w)
	for _, h := range sidecarHosts(p.snap, p.w, p.services) {
		v := &routev3.VirtualHost{
			Name:    virtualHostName(listenerOutbound, h.host, h.port.Number),
			Domains: h.domains,
			Routes:  []*routev3.Route{p.connectRoute()},
		}
		if h.port.Protocol.IsHTTP() {
			v.Routes = append(v.Routes, p.routes(routesFor(tables, p.w, h.service, h.host, h.port.Number))...)
		} else {
			v.Routes = append(v.Routes, blockAll()[1])
		}
		p.out.VirtualHosts = append(p.out.VirtualHosts, v)
	}
}

// sidecarHost is one virtual host of a sidecar, without its routes.
type sidecarHost struct {
	service *model.Service // nil: only route tables know the host
	host    string
	port    model.Port
	domains []string
}

// sidecarHosts lists them; no domain is in two. Full names win over short ones.
func sidecarHosts(snap *model.Snapshot, w model.Workload, services []*model.Service) []sidecarHost {
	var out []sidecarHost
	taken := map[string]bool{"*": true}
	for _, s := range services {
		for _, port := range s.Ports {
			out = append(out, sidecarHost{service: s, host: s.Host, port: port, domains: claim(taken, withPort([]string{s.Host}, s, port))})
		}
	}
	for i, h := range out {
		out[i].domains = append(h.domains, claim(taken, VirtualHostDomains(h.service, h.port, w.Namespace))...)
	}
	for _, t := range meshTables(snap, w) {
		for _, host := range t.Hosts {
			covers := func(s *model.Service) bool { return model.HostMatches(host, s.Host) }
			if slices.ContainsFunc(services, covers) {
				continue
			}
			if domains := claim(taken, []string{host, host + ":80"}); len(domains) > 0 {
				out = append(out, sidecarHost{host: host, port: model.Port{Number: httpPort, Protocol: model.HTTP}, domains: domains})
			}
		}
	}
	return slices.DeleteFunc(out, func(h sidecarHost) bool { return len(h.domains) == 0 })
}

// claim gives those domains that nobody has yet, and takes them. Envoy
// compares domains without regard to case.
func claim(taken map[string]bool, domains []string) []string {
	var out []string
	for _, d := range domains {
		if key := strings.ToLower(d); !taken[key] {
			taken[key] = true
			out = append(out, d)
		}
	}
	return out
}

// VirtualHostDomains are the values of Host by which a namespace calls a
// service's port: each name with the port and, for port 80 or the only port,
// without.
func VirtualHostDomains(s *model.Service, port model.Port, namespace string) []string {
	return withPort(hostNames(s, namespace), s, port)
}

func withPort(names []string, s *model.Service, port model.Port) []string {
	var out []string
	for _, n := range names {
		out = append(out, net.JoinHostPort(n, strconv.Itoa(int(port.Number))))
		if port.Number == httpPort || len(s.Ports) == 1 {
			out = append(out, n)
		}
	}
	return out
}

// ResolveAuthority finds the service host and port that a sidecar takes a
// value of Host (or of CONNECT) for; ok is false where it answers 502.
func ResolveAuthority(snap *model.Snapshot, w model.Workload, authority string) (host string, port uint32, ok bool) {
	best := ""
	for _, h := range sidecarHosts(snap, w, visible(snap, w.Namespace)) {
		for _, d := range h.domains {
			if model.HostMatches(strings.ToLower(d), strings.ToLower(authority)) && (len(d) > len(best) || strings.EqualFold(d, authority)) {
				best, host, port, ok = d, h.host, h.port.Number, true
			}
		}
	}
	return host, port, ok
}
