package snapshot

import (
	"maps"
	"slices"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// peersStep is who must prove what to whom, and so how each endpoint is called.
var peersStep = step{
	name:  "peers",
	kinds: []string{"PeerAuthentication"},
	reads: func(d *draft) []any {
		return []any{d.settings, listID(d.snap.Workloads), listID(d.snap.Services), listID(d.sorted), listID(d.snap.Groups)}
	},
	run: func(d *draft) {
		for _, substitute := range []bool{true, false} { // whatever its age, what is bad opens nothing
			d.byCreation(func(e *crds.Entry) {
				if p := e.Content.PeerAuthentication; p != nil && p.Substitute == substitute {
					d.peerAuthentication(e, p)
				}
			})
		}
		d.serve()
	},
	share: func(d *draft, p *Result) {
		d.snap.PeerAuthentications = shared(d.snap.PeerAuthentications, p.Snapshot.PeerAuthentications, func(v *model.PeerAuthentication) model.Ref { return v.Object })
		d.served = shared(d.served, p.Endpoints, func(v *model.ServiceEndpoints) model.ServiceKey { return v.Service })
		d.mutual.keep(d)
	},
	outputs: func(d *draft) []any { return []any{&d.snap.PeerAuthentications, &d.served, &d.mutual} },
}

// peerAuthentication adds one, and tells where an older one counts.
func (d *draft) peerAuthentication(e *crds.Entry, p *model.PeerAuthentication) {
	older := d.snap.PeerAuthentications
	d.snap.PeerAuthentications = append(older, p)
	if p.Selector == nil {
		for _, o := range older {
			if o.Object.Namespace == p.Object.Namespace && o.Selector == nil {
				d.problem(e, model.Warning, model.CodeShadowed, "metadata.name", "keep one of them", "%s is for all of %s already: that one counts", o.Object, p.Object.Namespace)
				return
			}
		}
		return
	}
	var selected []model.Workload
	for _, w := range d.snap.Workloads {
		if w.Namespace == p.Object.Namespace && model.HasLabels(w.Labels, p.Selector.Labels) {
			selected = append(selected, w)
		}
	}
	if len(selected) == 0 {
		if len(d.snap.Workloads) > 0 && !d.mayRegister(e.Ref.Namespace, p.Selector.Labels) {
			d.problem(e, model.Warning, model.CodeSelectsNothing, "spec.selector", "", "no workload of %s has these labels", p.Object.Namespace)
		}
		return
	}
	d.checkPeerPorts(e, p, selected)
	for _, w := range selected {
		for _, o := range older {
			if o.Object.Namespace == w.Namespace && o.Selector != nil && model.HasLabels(w.Labels, o.Selector.Labels) {
				d.problem(e, model.Warning, model.CodeShadowed, "spec.selector", "keep one of them", "%s selects %s already: that one counts", o.Object, w.ID())
				return
			}
		}
	}
}

// checkPeerPorts warns of ports that no selected workload has.
func (d *draft) checkPeerPorts(e *crds.Entry, p *model.PeerAuthentication, selected []model.Workload) {
	for _, port := range slices.Sorted(maps.Keys(p.Ports)) {
		has := func(w model.Workload) bool {
			return slices.ContainsFunc(w.Ports, func(o model.WorkloadPort) bool { return o.Number == port })
		}
		if !slices.ContainsFunc(selected, has) {
			d.problem(e, model.Warning, model.CodePort, "spec.portLevelMtls", "name the port of the workload, not that of a Service",
				"no workload that it selects has a port %d", port)
		}
	}
}
