package explain

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// httpPort is the port of an authority that names none.
const httpPort = 80

// virtualHost is what a request's host chooses of a proxy's routes.
type virtualHost struct {
	host   string // as declared; may be a wildcard
	at     Place
	tables []*model.RouteTable
	https  bool // a Gateway redirects everything to HTTPS
	// service is what requests go to where no table has a route for them.
	service *model.Service
}

// sidecarHost finds the virtual host of a caller's sidecar for an authority: a
// service's port by any name that the caller may use, or a host that only
// route tables know. why says why there is none.
func sidecarHost(s *model.Snapshot, w model.Workload, authority string) (vh virtualHost, why string) {
	known := s.ScopeOf(w)
	tables := meshTables(s, known, w)
	d, ok := findDomain(sidecarDomains(known, tables, w), authority)
	if !ok {
		return vh, unknown(known, w, authority)
	}
	vh = virtualHost{host: d.host, service: d.service, at: Place{Proxy: w, Gateways: []string{model.MeshGateway}, Port: d.port.Number}}
	if !d.port.Protocol.MayBeHTTP() {
		return vh, fmt.Sprintf("port %d of %s speaks %s, not HTTP", d.port.Number, d.host, d.port.Protocol)
	}
	here := slices.DeleteFunc(slices.Clone(tables), func(t *model.RouteTable) bool { return !known.ImportsAt(t, d.port.Number) })
	vh.tables, _ = closest(here, d.host)
	return vh, ""
}

// domain is one value of Host, or a pattern of them, that is known.
type domain struct {
	name    string // "*.suffix" and "*.suffix:port" are patterns
	host    string
	port    model.Port
	service *model.Service // nil: only route tables know the host
}

// sidecarDomains lists what a caller may ask for: services by their full names,
// then by others, then hosts of route tables. The first of a name counts.
func sidecarDomains(known model.Scope, tables []*model.RouteTable, w model.Workload) []domain {
	var full, short, rest []domain
	for _, s := range known.Services {
		if s.Inner {
			continue
		}
		service := *s.Service
		service.Ports = s.Known
		for _, port := range s.Known {
			d := domain{host: s.Host, port: port, service: &service}
			full = append(full, d.named(s.Host, len(s.Known) == 1)...)
			for _, name := range otherNames(s.Service, w.Namespace) {
				short = append(short, d.named(name, len(s.Known) == 1)...)
			}
		}
	}
	for _, t := range tables {
		for _, host := range t.Hosts {
			d := domain{host: host, port: model.Port{Number: httpPort, Protocol: model.HTTP}}
			if !slices.ContainsFunc(full, func(f domain) bool { return model.HostMatches(host, f.host) }) {
				rest = append(rest, d.named(host, true)...)
			}
		}
	}
	return slices.Concat(full, short, rest)
}

// named gives the domain with the port and, where it goes without saying,
// without.
func (d domain) named(name string, only bool) []domain {
	with, without := d, d
	with.name, without.name = net.JoinHostPort(name, strconv.Itoa(int(d.port.Number))), name
	if only || d.port.Number == httpPort {
		return []domain{with, without}
	}
	return []domain{with}
}

// findDomain searches as Envoy does: the name itself, then the longest pattern.
func findDomain(list []domain, authority string) (best domain, ok bool) {
	authority = strings.ToLower(authority)
	for _, d := range list {
		name := strings.ToLower(d.name)
		switch {
		case name == authority:
			return d, true
		case strings.HasPrefix(name, "*") && model.HostMatches(name, authority) && len(name) > len(best.name):
			best, ok = d, true
		}
	}
	return best, ok
}

// unknown says why no domain is an authority's.
func unknown(known model.Scope, w model.Workload, authority string) string {
	name, port := SplitAuthority(strings.ToLower(authority))
	for _, s := range known.Services {
		if s.Inner || !strings.EqualFold(s.Host, name) && !slices.Contains(otherNames(s.Service, w.Namespace), name) {
			continue
		}
		if port == 0 {
			return fmt.Sprintf("%s has several ports, and none is %d: name one", s.Host, httpPort)
		}
		return fmt.Sprintf("%s has no port %d", s.Host, port)
	}
	return fmt.Sprintf("no service that namespace %s sees has the host %s", w.Namespace, name)
}

// otherNames are what a namespace may call a service beside its host:
// name.namespace.svc, name.namespace, at home name, and virtual addresses.
func otherNames(svc *model.Service, namespace string) []string {
	names := slices.DeleteFunc(slices.Clone(svc.Addresses), func(a string) bool { return strings.Contains(a, "/") })
	if svc.Name == "" {
		return names
	}
	names = append(names, svc.Name+"."+svc.Namespace+".svc", svc.Name+"."+svc.Namespace)
	if svc.Namespace == namespace {
		names = append(names, svc.Name)
	}
	return names
}

// meshTables are those that a caller's sidecar obeys.
func meshTables(s *model.Snapshot, known model.Scope, w model.Workload) []*model.RouteTable {
	return slices.DeleteFunc(slices.Clone(s.Routes), func(t *model.RouteTable) bool {
		return !slices.Contains(t.Gateways, model.MeshGateway) || !model.Exported(t.ExportTo, t.Object.Namespace, w.Namespace) || !known.Imports(t)
	})
}

// closest keeps the tables whose host fits a host best: itself, then the
// longest wildcard. host is that one.
func closest(tables []*model.RouteTable, name string) (out []*model.RouteTable, host string) {
	for _, t := range tables {
		fit := ""
		for _, h := range t.Hosts {
			if model.HostMatches(h, name) && moreSpecific(h, fit) {
				fit = h
			}
		}
		switch {
		case fit == "" || moreSpecific(host, fit):
		case fit == host:
			out = append(out, t)
		default:
			out, host = []*model.RouteTable{t}, fit
		}
	}
	return out, host
}

// moreSpecific tells whether host a wins over b; none loses to all.
func moreSpecific(a, b string) bool {
	wildA, wildB := strings.HasPrefix(a, "*"), strings.HasPrefix(b, "*")
	switch {
	case a == "" || b == "":
		return b == "" && a != ""
	case wildA != wildB:
		return wildB
	}
	return wildA && len(a) > len(b)
}
