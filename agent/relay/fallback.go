package relay

import (
	"maps"
	"slices"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
)

// fromLastGood answers what Envoy asked for and nobody answered, from what it
// or the Envoy before it took last. Every name is answered, also one that was
// never known: one unanswered name holds every listener. A type whose file
// could not be read is not answered, and nothing is if nothing was kept.
// again tells that the newest link was asked before.
func (s *session) fromLastGood() (out []*discoveryv3.DeltaDiscoveryResponse, again bool) {
	if len(s.kept.types) == 0 {
		return nil, false
	}
	for _, t := range s.order {
		if s.kept.broken[t.typeURL] {
			continue
		}
		f := s.unanswered(t)
		if f == nil {
			continue
		}
		again = again || s.link != 0 && t.link == s.link
		out = append(out, s.send(t, f))
	}
	return out, again
}

// unanswered is what Envoy waits for of a type; nil if for nothing.
func (s *session) unanswered(t *subscription) *flight {
	f := &flight{}
	ask := maps.Clone(t.asked)
	greet := t.all && !t.greeted
	if greet {
		for name := range s.kept.types[t.typeURL] {
			ask[name] = struct{}{}
		}
	}
	if t.typeURL == typeVirtualHost {
		s.askHosts(t, ask)
	}
	for _, name := range slices.Sorted(maps.Keys(ask)) {
		if r := s.lookup(t, name); r != nil {
			f.resources = append(f.resources, r)
		} else {
			f.removed = append(f.removed, name)
		}
	}
	if len(ask) == 0 && !greet {
		return nil
	}
	return f
}

// lookup is the newest good version of a name, if it can be used.
func (s *session) lookup(t *subscription, name string) *discoveryv3.Resource {
	r := t.has[name]
	if r == nil {
		r = s.kept.types[t.typeURL][name]
	}
	if r == nil || !s.usable(r) {
		return nil
	}
	return r
}

// askHosts adds the virtual hosts of the route configurations that Envoy has,
// which it does not ask for. Where one has none it is told of the removal of
// one: it keeps the listener warming until it hears of any.
func (s *session) askHosts(t *subscription, ask map[string]struct{}) {
	missing := s.unhosted(t)
	if len(missing) == 0 {
		return
	}
	found := map[string]bool{}
	for name := range s.kept.types[typeVirtualHost] {
		if r := routesOf(name); slices.Contains(missing, r) {
			ask[name] = struct{}{}
			found[r] = true
		}
	}
	for _, r := range missing {
		if !found[r] {
			ask[r+"/"] = struct{}{}
		}
	}
}

// unhosted are the route configurations that Envoy has and was sent no virtual
// host of, though these are resources of their own.
func (s *session) unhosted(t *subscription) (out []string) {
	routes := s.types[typeRoutes]
	if routes == nil || len(routes.flights) > 0 {
		return nil // routes go first
	}
	for name, r := range routes.has {
		if _, asked := routes.asked[name]; !asked && !t.hosted[name] && hasHosts(r) {
			out = append(out, name)
		}
	}
	return out
}

// instead is what Envoy is sent in place of a response that is not handed on:
// of what it waits for, what was good last, or that there is none.
func (s *session) instead(res *discoveryv3.DeltaDiscoveryResponse) *discoveryv3.DeltaDiscoveryResponse {
	t, ok := s.types[res.GetTypeUrl()]
	if !ok {
		return nil
	}
	f := &flight{}
	for _, r := range res.GetResources() {
		if _, asked := t.asked[r.GetName()]; !asked {
			continue
		}
		if old := s.lookup(t, r.GetName()); old != nil {
			f.resources = append(f.resources, old)
		} else {
			f.removed = append(f.removed, r.GetName())
		}
	}
	if len(f.resources)+len(f.removed) == 0 {
		return nil
	}
	return s.send(t, f)
}

// substitute is what Envoy is sent after it refused a resource of which it has
// no other version, though an Envoy before it had: what was good last.
func (s *session) substitute(t *subscription, refused *flight) *discoveryv3.DeltaDiscoveryResponse {
	if len(refused.resources) != 1 || refused.instead {
		return nil
	}
	r := refused.resources[0]
	old := s.lookup(t, r.GetName())
	if old == nil || t.has[r.GetName()] != nil || sameVersion(old, r) || !t.wants(r.GetName()) {
		return nil
	}
	return s.send(t, &flight{resources: []*discoveryv3.Resource{old}, instead: true})
}

// hasHosts tells whether a route configuration's virtual hosts are resources
// of their own.
func hasHosts(r *discoveryv3.Resource) bool {
	routes := &routev3.RouteConfiguration{}
	return r.GetResource().UnmarshalTo(routes) == nil && routes.GetVhds() != nil
}
