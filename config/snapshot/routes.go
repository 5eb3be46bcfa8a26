package snapshot

import (
	"slices"
	"strings"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

var routesStep = step{
	name:  "routes",
	kinds: []string{"VirtualService"},
	reads: func(d *draft) []any {
		return []any{d.settings, listID(d.snap.Services), listID(d.snap.Gateways), listID(d.snap.Destinations)}
	},
	run: (*draft).resolveRoutes,
	share: func(d *draft, p *Result) {
		d.snap.Routes = shared(d.snap.Routes, p.Snapshot.Routes, func(v *model.RouteTable) model.Ref { return v.Object })
	},
	outputs: func(d *draft) []any { return []any{&d.snap.Routes} },
}

// resolveRoutes leaves the tables in the order of creation.
func (d *draft) resolveRoutes() {
	d.each(d.delegate)
	d.byAge(d.routeTable)
	place := make(map[model.Ref]int, len(d.oldest))
	for i, o := range d.oldest {
		place[o.ref] = i
	}
	slices.SortStableFunc(d.snap.Routes, func(a, b *model.RouteTable) int { return place[a.Object] - place[b.Object] })
}

// routeTable adds a VirtualService. One without hosts is a delegate: it is
// part of those that delegate to it.
func (d *draft) routeTable(e *crds.Entry) {
	if e.Content.Routes == nil || len(e.Content.Routes.Hosts) == 0 {
		return
	}
	var t *model.RouteTable
	if len(e.Content.Delegates) > 0 { // others' routes count
		t = d.table(e)
	} else {
		t = d.once(e, nil, func() any { return d.table(e) }).(*model.RouteTable)
	}
	if slices.Contains(t.Gateways, model.MeshGateway) {
		d.own(e, t)
	}
	d.snap.Routes = append(d.snap.Routes, t)
}

// table resolves a VirtualService without regard to others for its hosts.
func (d *draft) table(e *crds.Entry) *model.RouteTable {
	t := *e.Content.Routes
	t.Hosts = slices.Clone(t.Hosts)
	for i, h := range t.Hosts {
		t.Hosts[i] = d.qualify(h, e.Ref.Namespace)
	}
	if len(t.ExportTo) == 0 {
		t.ExportTo = d.snap.Mesh.RouteExportTo
	}
	t.Gateways = d.gatewayNames(e, t.Gateways, "spec.gateways")
	t.HTTP = d.httpRoutes(e)
	t.TLS = d.l4Routes(e, t.TLS, "spec.tls")
	t.TCP = d.l4Routes(e, t.TCP, "spec.tcp")
	d.checkHosts(e, t)
	d.checkSNI(e, t)
	return &t
}

// httpRoutes are the rules, with those of delegates in the place of what
// delegates to them.
func (d *draft) httpRoutes(e *crds.Entry) []model.HTTPRoute {
	var out []model.HTTPRoute
	for i, r := range e.Content.Routes.HTTP {
		field := item("spec.http", i)
		d.route(e, &r, field)
		if to, delegates := e.Content.Delegates[r.Name]; delegates {
			out = append(out, d.delegated(e, r, to, field)...)
		} else {
			out = append(out, r)
		}
	}
	uniqueRoutes(out)
	return out
}

// gatewayNames gives gateways as "namespace/name", and reports unknown ones.
func (d *draft) gatewayNames(e *crds.Entry, names []string, field string) []string {
	out := slices.Clone(names)
	for i, name := range names {
		if name == model.MeshGateway {
			continue
		}
		g, ok := d.gatewayNamed(name, e.Ref.Namespace)
		if !ok {
			if g, ok = d.gatewayNamed(oldGatewayName(name), e.Ref.Namespace); ok {
				d.problem(e, model.Warning, model.CodeDeprecated, item(field, i), "write "+g.Object.Key(), "%s is an old form of a gateway's name", name)
			}
		}
		if !ok {
			d.problem(e, model.Error, model.CodeUnresolvedGateway, item(field, i), "declare a Gateway, or name the one meant as namespace/name",
				"there is no gateway %s", name)
			continue
		}
		out[i] = g.Object.Key()
	}
	return out
}

// oldGatewayName reads what Istio still reads from before "namespace/name"
// was: "name.namespace" and "name.namespace.svc.cluster.local".
func oldGatewayName(name string) string {
	first, rest, _ := strings.Cut(name, ".")
	ns, _, _ := strings.Cut(rest, ".")
	return ns + "/" + first
}

// checkHosts warns of hosts that no request can have, and of names of the mesh
// that no service has: other names may be known to routes alone, on port 80.
func (d *draft) checkHosts(e *crds.Entry, t model.RouteTable) {
	for i, h := range t.Hosts {
		taken := false
		for _, name := range t.Gateways {
			if name == model.MeshGateway {
				_, known := d.service(h, e.Ref.Namespace)
				own := strings.HasSuffix(h, ".svc."+d.snap.Mesh.Domain)
				taken = taken || known || h[0] == '*' || d.underWildcard(h, e.Ref.Namespace) || len(t.HTTP) > 0 && !own
			} else if g, ok := d.gatewayNamed(name, e.Ref.Namespace); ok {
				taken = taken || takes(g, h, e.Ref.Namespace)
			} else {
				taken = true // an error already
			}
		}
		if taken {
			continue
		}
		if slices.Equal(t.Gateways, []string{model.MeshGateway}) {
			what := "it is never routed"
			if len(t.HTTP) > 0 {
				what = "only requests to port 80 that name it are routed"
			}
			d.problem(e, model.Warning, model.CodeUnresolvedHost, item("spec.hosts", i), d.hostLike(h, e.Ref.Namespace), "no service has the host %s: %s", h, what)
		} else {
			d.problem(e, model.Warning, model.CodeGatewayHost, item("spec.hosts", i), "", "none of its gateways takes the host %s: it is never routed", h)
		}
	}
}

// own claims the hosts for the mesh. What will not be in force claims none.
func (d *draft) own(e *crds.Entry, t *model.RouteTable) {
	if len(d.errors[e.Ref]) > 0 {
		return
	}
	for i, h := range t.Hosts {
		for _, other := range d.owners[h] {
			if overlap(*other, *t) {
				d.problem(e, model.Error, model.CodeHostConflict, item("spec.hosts", i), "merge the two, or give them different hosts",
					"%s routes the host %s in the mesh already", other.Object, h)
				return
			}
		}
	}
	for _, h := range t.Hosts {
		d.owners[h] = append(d.owners[h], t)
	}
}

// overlap tells whether some namespace sees both.
func overlap(a, b model.RouteTable) bool {
	seen := func(t model.RouteTable, ns string) bool { return model.Exported(t.ExportTo, t.Object.Namespace, ns) }
	candidates := []string{"*", a.Object.Namespace, b.Object.Namespace}
	for _, ns := range append(append(candidates, a.ExportTo...), b.ExportTo...) {
		if seen(a, ns) && seen(b, ns) {
			return true
		}
	}
	return false
}

func (d *draft) route(e *crds.Entry, r *model.HTTPRoute, field string) {
	r.Matches, r.Destinations, r.Mirrors = slices.Clone(r.Matches), slices.Clone(r.Destinations), slices.Clone(r.Mirrors)
	for i := range r.Matches {
		r.Matches[i].Gateways = d.gatewayNames(e, r.Matches[i].Gateways, item(field+".match", i)+".gateways")
	}
	for i := range r.Destinations {
		d.destination(e, &r.Destinations[i], item(field+".route", i)+".destination")
	}
	for i := range r.Mirrors {
		d.destination(e, &r.Mirrors[i].Destination, mirrorField(e, field, i))
	}
}

// mirrorField is where a mirror was declared: Istio has two ways.
func mirrorField(e *crds.Entry, field string, i int) string {
	if _, single := e.Lines[field+".mirror"]; single {
		return field + ".mirror"
	}
	return item(field+".mirrors", i) + ".destination"
}

func (d *draft) l4Routes(e *crds.Entry, list []model.L4Route, field string) []model.L4Route {
	out := slices.Clone(list)
	for i := range out {
		r, at := &out[i], item(field, i)
		r.Matches, r.Destinations = slices.Clone(r.Matches), slices.Clone(r.Destinations)
		for j := range r.Matches {
			r.Matches[j].Gateways = d.gatewayNames(e, r.Matches[j].Gateways, item(at+".match", j)+".gateways")
		}
		for j := range r.Destinations {
			d.destination(e, &r.Destinations[j], item(at+".route", j)+".destination")
		}
	}
	return out
}

// checkSNI reports server names that are none of the hosts.
func (d *draft) checkSNI(e *crds.Entry, t model.RouteTable) {
	hosts := append(slices.Clone(t.Hosts), e.Content.Routes.Hosts...)
	for i, r := range t.TLS {
		for j, m := range r.Matches {
			for k, name := range m.SNI {
				if !slices.ContainsFunc(hosts, func(h string) bool { return model.HostMatches(h, name) }) {
					d.problem(e, model.Error, model.CodeInvalidValue, item(item(item("spec.tls", i)+".match", j)+".sniHosts", k),
						"add it to spec.hosts", "the server name %s is none of the hosts", name)
				}
			}
		}
	}
}

// destination finds the service, the port and the subset.
func (d *draft) destination(e *crds.Entry, to *model.Destination, field string) {
	to.Host = d.qualify(to.Host, e.Ref.Namespace)
	s, ok := d.service(to.Host, e.Ref.Namespace)
	if !ok {
		d.missing(e, field+".host", d.hostLike(to.Host, e.Ref.Namespace), "no service has the host %s", to.Host)
		return
	}
	to.Namespace = s.Namespace
	_, known := s.PortNumbered(to.Port)
	switch {
	case to.Port == 0 && len(s.Ports) == 1:
		to.Port = s.Ports[0].Number
	case to.Port == 0:
		d.problem(e, model.Error, model.CodePortRequired, field+".port", "give port.number: "+portsOf(s), "%s has several ports", to.Host)
	case !known:
		d.problem(e, model.Error, model.CodeUnresolvedHost, field+".port.number", portsOf(s), "%s has no port %d", to.Host, to.Port)
	}
	if to.Subset != "" && !d.hasSubset(s, to.Subset, e.Ref.Namespace) {
		d.missing(e, field+".subset", "declare it in a DestinationRule for the host",
			"no DestinationRule gives %s a subset %s", to.Host, to.Subset)
	}
}
