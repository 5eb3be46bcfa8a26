package analysis

import (
	"slices"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// claims looks for matches on claims of tokens that nobody verifies.
func claims(r *run) {
	for _, e := range r.Entries {
		if e.Content.Routes == nil {
			continue
		}
		if verified(r.Snapshot, e.Ref.Namespace, e.Content.Routes.Gateways) {
			continue
		}
		for i, h := range e.Content.Routes.HTTP {
			for j, m := range h.Matches {
				for _, c := range m.Claims {
					r.warn(e.Ref, model.CodeClaims, item(item("spec.http", i)+".match", j)+".headers", "",
						"it matches on the claim %s, but no RequestAuthentication verifies tokens at its gateways: no request has claims", strings.Join(c.Path, "."))
				}
			}
		}
	}
}

// verified tells whether a RequestAuthentication is for a proxy of one of the
// gateways.
func verified(s *model.Snapshot, namespace string, gateways []string) bool {
	serves := func(w model.Workload) bool {
		return w.Gateway && slices.ContainsFunc(s.Gateways, func(g *model.Gateway) bool {
			named := slices.Contains(gateways, g.Object.Namespace+"/"+g.Object.Name) || g.Object.Namespace == namespace && slices.Contains(gateways, g.Object.Name)
			return named && g.Selector.Matches(w)
		})
	}
	return slices.ContainsFunc(s.Workloads, func(w model.Workload) bool {
		return serves(w) && slices.ContainsFunc(s.RequestAuthentications, func(a *model.RequestAuthentication) bool { return len(a.Rules) > 0 && a.Selects(w) })
	})
}

// delegates looks for delegates that nobody delegates to.
func delegates(r *run) {
	used := map[string]bool{}
	for _, e := range r.Entries {
		for _, to := range e.Content.Delegates {
			if to.Namespace == "" {
				to.Namespace = e.Ref.Namespace
			}
			used[to.Key()] = true
		}
	}
	for _, e := range r.Entries {
		if t := e.Content.Routes; t != nil && len(t.Hosts) == 0 && !used[e.Ref.Key()] {
			r.warn(e.Ref, model.CodeUnused, "spec", "give it hosts, or name it as a delegate in a VirtualService that has some",
				"it has no hosts, and no VirtualService delegates to it: it has no effect")
		}
	}
}

// callersSubsets looks for subsets that some caller's DestinationRule does not
// have: a proxy looks in its own namespace, in the service's and in the root
// namespace, never in that of the VirtualService.
func callersSubsets(r *run) {
	for _, t := range r.Snapshot.Routes {
		for i, h := range t.HTTP {
			if h.From != nil {
				continue // its fields are the delegate's
			}
			for j, d := range h.Destinations {
				r.callersSubset(t, d, item(item("spec.http", r.declared(t, h.Name, i))+".route", j)+".destination.subset")
			}
		}
		for i, c := range t.TLS {
			for j, d := range c.Destinations {
				r.callersSubset(t, d, item(item("spec.tls", i)+".route", j)+".destination.subset")
			}
		}
		for i, c := range t.TCP {
			for j, d := range c.Destinations {
				r.callersSubset(t, d, item(item("spec.tcp", i)+".route", j)+".destination.subset")
			}
		}
	}
}

// declared is a rule's place in the object: delegates' rules move those after
// them.
func (r *run) declared(t *model.RouteTable, name string, i int) int {
	if e := r.entries[t.Object]; e != nil {
		if at := slices.IndexFunc(e.Content.Routes.HTTP, func(h model.HTTPRoute) bool { return h.Name == name }); at >= 0 {
			return at
		}
	}
	return i
}

func (r *run) callersSubset(t *model.RouteTable, d model.Destination, field string) {
	svc := r.Snapshot.Service(d.Host, t.Object.Namespace)
	if d.Subset == "" || svc == nil {
		return
	}
	without, found := "", false
	for _, w := range r.Snapshot.Workloads {
		if !r.routes(t, w) {
			continue
		}
		p := r.Snapshot.DestinationFor(svc, w)
		if p != nil && slices.ContainsFunc(p.Subsets, func(s model.Subset) bool { return s.Name == d.Subset }) {
			found = true
		} else if without == "" {
			without = w.ID()
		}
	}
	if without != "" && (found || r.someHas(svc, t, d.Subset)) {
		r.warn(t.Object, model.CodeUnresolvedHost, field, "declare the DestinationRule in the namespace of "+svc.Host+", exported to its callers",
			"calls from %s get 503: the DestinationRule that it uses for %s has no subset %s", without, d.Host, d.Subset)
	}
}

// someHas tells whether the VirtualService's own namespace sees the subset:
// where it does not, that was reported.
func (r *run) someHas(svc *model.Service, t *model.RouteTable, subset string) bool {
	p := r.Snapshot.DestinationFor(svc, model.Workload{Namespace: t.Object.Namespace})
	return p != nil && slices.ContainsFunc(p.Subsets, func(s model.Subset) bool { return s.Name == subset })
}

// routes tells whether a VirtualService holds at a workload's proxy.
func (r *run) routes(t *model.RouteTable, w model.Workload) bool {
	if !model.Exported(t.ExportTo, t.Object.Namespace, w.Namespace) {
		return false
	}
	if !w.Gateway {
		return slices.Contains(t.Gateways, model.MeshGateway)
	}
	return slices.ContainsFunc(r.Snapshot.Gateways, func(g *model.Gateway) bool {
		return slices.Contains(t.Gateways, g.Object.Key()) && g.Selector.Matches(w)
	})
}
