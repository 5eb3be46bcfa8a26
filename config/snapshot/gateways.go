package snapshot

import (
	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

var gatewaysStep = step{
	name:  "gateways",
	kinds: []string{"Gateway"},
	reads: func(d *draft) []any { return []any{d.settings, listID(d.snap.Workloads), listID(d.snap.Secrets)} },
	run:   func(d *draft) { d.each(d.gateway) },
	share: func(d *draft, p *Result) {
		d.snap.Gateways = shared(d.snap.Gateways, p.Snapshot.Gateways, func(v *model.Gateway) model.Ref { return v.Object })
	},
	outputs: func(d *draft) []any { return []any{&d.snap.Gateways} },
}

// gateway adds a Gateway, and warns of ports that no gateway opens.
func (d *draft) gateway(e *crds.Entry) {
	g := e.Content.Gateway
	if g == nil {
		return
	}
	d.snap.Gateways = append(d.snap.Gateways, g)
	selected, open := false, map[uint32]bool{}
	for _, w := range d.snap.Workloads {
		if w.Gateway && g.Selector.Matches(w) {
			selected = true
			for _, p := range w.Ports {
				open[p.Number] = true
			}
		}
	}
	if !selected {
		d.problem(e, model.Warning, model.CodeSelectsNothing, "spec.selector", "", "no gateway of the Mesh has these labels")
		return
	}
	for i, s := range g.Servers {
		if !open[s.Port] {
			d.problem(e, model.Warning, model.CodePort, item("spec.servers", i)+".port.number", "add the port to the gateway in the Mesh object",
				"no gateway of the Mesh opens port %d", s.Port)
		}
	}
}

// gatewayNamed finds a Gateway by "namespace/name", or by a name of one's own
// namespace.
func (d *draft) gatewayNamed(name, namespace string) (*model.Gateway, bool) {
	ns, n := model.ParseKey(name, namespace)
	for _, g := range d.snap.Gateways {
		if g.Object.Namespace == ns && g.Object.Name == n {
			return g, true
		}
	}
	return nil, false
}

// takes tells whether a gateway takes a host for routes of a namespace.
func takes(g *model.Gateway, host, namespace string) bool {
	for _, s := range g.Servers {
		for i, h := range s.Hosts {
			if (s.Namespaces[i] == "" || s.Namespaces[i] == namespace) && (model.HostMatches(h, host) || model.HostMatches(host, h)) {
				return true
			}
		}
	}
	return false
}
