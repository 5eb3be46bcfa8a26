package explain

import (
	"fmt"
	"slices"
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
	name, port := SplitAuthority(strings.ToLower(authority))
	service := serviceNamed(s, name, w.Namespace)
	if service == nil {
		return tableHost(s, w, name, port)
	}
	if port == 0 {
		port = soleport(service)
	}
	p, open := service.PortNumbered(port)
	switch {
	case !open && port == 0:
		return vh, fmt.Sprintf("%s has several ports, and none is %d: name one", service.Host, httpPort)
	case !open:
		return vh, fmt.Sprintf("%s has no port %d", service.Host, port)
	case !p.Protocol.IsHTTP():
		return vh, fmt.Sprintf("port %d of %s speaks %s, not HTTP", port, service.Host, p.Protocol)
	}
	vh = virtualHost{host: service.Host, service: service, at: Place{Proxy: w, Gateways: []string{model.MeshGateway}, Port: port}}
	vh.tables, _ = closest(meshTables(s, w), service.Host)
	return vh, ""
}

// tableHost is a host that no service has, but a route table.
func tableHost(s *model.Snapshot, w model.Workload, name string, port uint32) (virtualHost, string) {
	tables, host := closest(meshTables(s, w), name)
	taken := slices.ContainsFunc(s.Services, func(svc *model.Service) bool {
		return svc.VisibleTo(w.Namespace) && model.HostMatches(host, svc.Host)
	})
	if len(tables) == 0 || taken || (port != 0 && port != httpPort) {
		return virtualHost{}, fmt.Sprintf("no service that namespace %s sees has the host %s", w.Namespace, name)
	}
	at := Place{Proxy: w, Gateways: []string{model.MeshGateway}, Port: httpPort}
	return virtualHost{host: host, at: at, tables: tables}, ""
}

// soleport is the port that an authority without one means: 80, or the only
// one; 0: none.
func soleport(s *model.Service) uint32 {
	_, web := s.PortNumbered(httpPort)
	switch {
	case web:
		return httpPort
	case len(s.Ports) == 1:
		return s.Ports[0].Number
	}
	return 0
}

// serviceNamed finds a service: by its host, by another of its names, by the
// longest wildcard.
func serviceNamed(s *model.Snapshot, name, namespace string) *model.Service {
	short, wild := "", ""
	for _, svc := range s.Services {
		switch {
		case !svc.VisibleTo(namespace):
		case strings.EqualFold(svc.Host, name):
			return s.Service(svc.Host, namespace)
		case short == "" && slices.Contains(otherNames(svc, namespace), name):
			short = svc.Host
		case strings.HasPrefix(svc.Host, "*") && model.HostMatches(svc.Host, name) && len(svc.Host) > len(wild):
			wild = svc.Host
		}
	}
	if short == "" {
		short = wild
	}
	return s.Service(short, namespace)
}

// otherNames are what a namespace may call a service beside its host:
// name.namespace.svc, name.namespace, at home name, and virtual addresses.
func otherNames(svc *model.Service, namespace string) []string {
	names := slices.Clone(svc.Addresses)
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
func meshTables(s *model.Snapshot, w model.Workload) []*model.RouteTable {
	return slices.DeleteFunc(slices.Clone(s.Routes), func(t *model.RouteTable) bool {
		return !slices.Contains(t.Gateways, model.MeshGateway) || !model.Exported(t.ExportTo, t.Object.Namespace, w.Namespace)
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
