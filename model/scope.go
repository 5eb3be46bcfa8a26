package model

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Scope is what one proxy knows of the mesh: all that is exported to its
// namespace or, with a Sidecar, the part of it that the Sidecar imports.
type Scope struct {
	// Services are those known, by host: of several of one host the
	// namespace's own, else the first by namespace.
	Services []ScopedService
	sidecar  *Sidecar
}

// ScopedService is a service as one proxy knows it.
type ScopedService struct {
	*Service
	Known []Port // its ports that are known; never none
	// Inner: it may not be called by its name; imported routes lead to it.
	Inner bool
}

// ScopeOf gives what a workload's proxy knows. A Sidecar does not bound a
// gateway.
func (s *Snapshot) ScopeOf(w Workload) Scope {
	c := Scope{}
	if !w.Gateway {
		c.sidecar = s.SidecarFor(w)
	}
	best := make(map[string]ScopedService, len(s.Services))
	for _, svc := range s.Services {
		if !svc.VisibleTo(w.Namespace) {
			continue
		}
		known := c.sidecar.known(svc)
		if have, found := best[svc.Host]; len(known) > 0 && (!found || closer(svc, have.Service, w.Namespace)) {
			best[svc.Host] = ScopedService{Service: svc, Known: known}
		}
	}
	if c.sidecar != nil {
		s.addInner(c, best, w.Namespace)
	}
	c.Services = slices.SortedFunc(maps.Values(best), func(a, b ScopedService) int { return cmp.Compare(a.Host, b.Host) })
	return c
}

func closer(a, b *Service, namespace string) bool {
	if own := a.Namespace == namespace; own != (b.Namespace == namespace) {
		return own
	}
	return a.Namespace < b.Namespace
}

// addInner adds the services that imported routes lead to.
func (s *Snapshot) addInner(c Scope, best map[string]ScopedService, namespace string) {
	add := func(d Destination) {
		if _, found := best[d.Host]; found {
			return
		}
		if svc := s.Service(d.Host, namespace); svc != nil && len(svc.Ports) > 0 {
			best[d.Host] = ScopedService{Service: svc, Known: svc.Ports, Inner: true}
		}
	}
	for _, t := range s.Routes {
		if slices.Contains(t.Gateways, MeshGateway) && Exported(t.ExportTo, t.Object.Namespace, namespace) && c.Imports(t) {
			t.eachDestination(add)
		}
	}
	if c.sidecar.Outbound != nil && c.sidecar.Outbound.Egress != nil {
		add(*c.sidecar.Outbound.Egress)
	}
}

// eachDestination visits all that a table's routes lead to.
func (t *RouteTable) eachDestination(do func(Destination)) {
	for _, r := range t.HTTP {
		for _, d := range r.Destinations {
			do(d)
		}
		for _, m := range r.Mirrors {
			do(m.Destination)
		}
	}
	for _, r := range slices.Concat(t.TLS, t.TCP) {
		for _, d := range r.Destinations {
			do(d)
		}
	}
}

// Service finds the service of a host. Inner ones are found, too.
func (c Scope) Service(host string) (ScopedService, bool) {
	i, ok := slices.BinarySearchFunc(c.Services, host, func(s ScopedService, host string) int { return cmp.Compare(s.Host, host) })
	if !ok {
		return ScopedService{}, false
	}
	return c.Services[i], true
}

// Imports tells whether the proxy knows a table of the mesh that is exported
// to it: some listener imports one of its hosts.
func (c Scope) Imports(t *RouteTable) bool {
	return c.sidecar == nil || len(c.sidecar.Egress) == 0 || slices.ContainsFunc(c.sidecar.Egress, func(e SidecarEgress) bool { return e.imports(t) })
}

// ImportsAt tells the same of the calls to one port.
func (c Scope) ImportsAt(t *RouteTable, port uint32) bool {
	if c.sidecar == nil || len(c.sidecar.Egress) == 0 {
		return true
	}
	e := c.sidecar.listener(port)
	return e != nil && e.imports(t)
}

// Outbound is what becomes of calls to unknown hosts, and, where it is not
// nil, the destination that such calls take.
func (c Scope) Outbound(mesh *Mesh) (OutboundMode, *Destination) {
	if c.sidecar == nil || c.sidecar.Outbound == nil {
		return mesh.Outbound, nil
	}
	return c.sidecar.Outbound.Mode, c.sidecar.Outbound.Egress
}

// known gives the ports of a service that a Sidecar imports; a nil one
// imports everything.
func (c *Sidecar) known(s *Service) []Port {
	if c == nil || len(c.Egress) == 0 {
		return s.Ports
	}
	var out []Port
	for _, p := range s.Ports {
		if e := c.listener(p.Number); e != nil && e.covers(s) {
			out = append(out, p)
		}
	}
	return out
}

// listener is the one for calls to a port: that of the port, else that of all
// others. One on a socket file is no port's.
func (c *Sidecar) listener(port uint32) *SidecarEgress {
	var rest *SidecarEgress
	for i := range c.Egress {
		switch e := &c.Egress[i]; {
		case e.Port != nil && e.Port.Number == port:
			return e
		case e.Port == nil && rest == nil && !strings.HasPrefix(e.Bind, "unix:"):
			rest = e
		}
	}
	return rest
}

func (e *SidecarEgress) covers(s *Service) bool {
	in := false
	for _, h := range e.Hosts {
		if h.of(s.Namespace) && HostMatches(h.Host, s.Host) {
			if h.Exclude {
				return false
			}
			in = true
		}
	}
	return in
}

// imports tells whether a table has a host that is imported, or a part of
// which is.
func (e *SidecarEgress) imports(t *RouteTable) bool {
	return slices.ContainsFunc(t.Hosts, func(host string) bool {
		in := false
		for _, h := range e.Hosts {
			switch {
			case !h.of(t.Object.Namespace):
			case h.Exclude && HostMatches(h.Host, host):
				return false
			case !h.Exclude:
				in = in || HostMatches(h.Host, host) || HostMatches(host, h.Host)
			}
		}
		return in
	})
}

func (h HostScope) of(namespace string) bool { return h.Namespace == "*" || h.Namespace == namespace }
