package translate

import (
	"github.com/krater-mesh/krater/model"
)

// scope is what the proxies of a class know of the mesh.
type scope struct {
	model.Scope
	services []*model.Service          // all, with the ports that are known
	called   []*model.Service          // those that may be called by their names
	byHost   map[string]*model.Service // all
}

// scopeKey decides a scope.
type scopeKey struct {
	namespace string
	gateway   bool
	sidecar   *model.Sidecar
}

// scope is that of a class, made anew where something it is made of changed.
func (r *round) scope(c class) *scope {
	key := scopeKey{c.namespace, c.gateway, c.sidecar}
	p, ok := r.scopes[key]
	if !ok {
		p = &piece[*scope]{}
		r.scopes[key] = p
	}
	if r.scoped[key] {
		return p.out
	}
	r.scoped[key] = true
	return p.get(r.Compiler, r.revision.scopes(c.sidecar), func() *scope { return newScope(r.snap.ScopeOf(c.client()), r.trimmed.of) })
}

func newScope(of model.Scope, trim func(trimInput) *model.Service) *scope {
	s := &scope{Scope: of, byHost: make(map[string]*model.Service, len(of.Services))}
	for _, known := range of.Services {
		service := known.Service
		if len(known.Known) != len(service.Ports) {
			service = trim(trimInput{service, known.Known})
		}
		s.services = append(s.services, service)
		if !known.Inner {
			s.called = append(s.called, service)
		}
		s.byHost[service.Host] = service
	}
	return s
}

// at tells which tables hold for the calls to a port.
func (s *scope) at(port uint32) func(*model.RouteTable) bool {
	return func(t *model.RouteTable) bool { return s.ImportsAt(t, port) }
}

// trimInput is a service with the ports of it that are known.
type trimInput struct {
	service *model.Service
	ports   []model.Port
}

// trim leaves the other ports out.
func trim(in trimInput) *model.Service {
	out := *in.service
	out.Ports = in.ports
	return &out
}
