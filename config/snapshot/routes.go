package snapshot

import (
	"slices"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// routeTable adds a VirtualService.
func (d *draft) routeTable(e *crds.Entry) {
	if e.Content.Routes == nil {
		return
	}
	t := *e.Content.Routes
	t.Hosts, t.HTTP = slices.Clone(t.Hosts), slices.Clone(t.HTTP)
	for i, h := range t.Hosts {
		t.Hosts[i] = d.qualify(h, e.Ref.Namespace)
	}
	t.Gateways = d.gatewayNames(e, t.Gateways, "spec.gateways")
	for i := range t.HTTP {
		d.route(e, &t.HTTP[i], item("spec.http", i))
	}
	d.checkHosts(e, t)
	if slices.Contains(t.Gateways, model.MeshGateway) {
		d.own(e, &t)
	}
	d.snap.Routes = append(d.snap.Routes, &t)
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
			d.problem(e, model.Error, model.CodeUnresolvedGateway, item(field, i), "declare a Gateway, or name the one meant as namespace/name",
				"there is no gateway %s", name)
			continue
		}
		out[i] = g.Object.Key()
	}
	return out
}

// checkHosts warns of hosts that no request can have.
func (d *draft) checkHosts(e *crds.Entry, t model.RouteTable) {
	for i, h := range t.Hosts {
		taken := false
		for _, name := range t.Gateways {
			if name == model.MeshGateway {
				_, known := d.service(h, e.Ref.Namespace)
				taken = taken || known || h[0] == '*'
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
			d.problem(e, model.Warning, model.CodeUnresolvedHost, item("spec.hosts", i), d.hostLike(h, e.Ref.Namespace), "no service has the host %s: it is never routed", h)
		} else {
			d.problem(e, model.Warning, model.CodeGatewayHost, item("spec.hosts", i), "", "none of its gateways takes the host %s: it is never routed", h)
		}
	}
}

// own claims the hosts for the mesh.
func (d *draft) own(e *crds.Entry, t *model.RouteTable) {
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
	r.Matches, r.Destinations = slices.Clone(r.Matches), slices.Clone(r.Destinations)
	for i := range r.Matches {
		r.Matches[i].Gateways = d.gatewayNames(e, r.Matches[i].Gateways, item(field+".match", i)+".gateways")
	}
	for i := range r.Destinations {
		d.destination(e, &r.Destinations[i], item(field+".route", i)+".destination")
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
		d.problem(e, model.Error, model.CodeMissing, field+".port", "give port.number", "%s has several ports", to.Host)
	case !known:
		d.problem(e, model.Error, model.CodeInvalidValue, field+".port.number", portsOf(s), "%s has no port %d", to.Host, to.Port)
	}
	if to.Subset != "" && !d.hasSubset(s, to.Subset, e.Ref.Namespace) {
		d.missing(e, field+".subset", "declare it in a DestinationRule for the host",
			"no DestinationRule gives %s a subset %s", to.Host, to.Subset)
	}
}
