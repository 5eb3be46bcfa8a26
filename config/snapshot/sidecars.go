package snapshot

import (
	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

var sidecarsStep = step{
	name:  "sidecars",
	kinds: []string{"Sidecar"},
	reads: func(d *draft) []any {
		return []any{d.settings, listID(d.snap.Workloads), listID(d.snap.Services), listID(d.snap.Destinations), listID(d.snap.Groups)}
	},
	run: func(d *draft) { d.byCreation(d.sidecar) },
	share: func(d *draft, p *Result) {
		d.snap.Sidecars = shared(d.snap.Sidecars, p.Snapshot.Sidecars, func(v *model.Sidecar) model.Ref { return v.Object })
	},
	outputs: func(d *draft) []any { return []any{&d.snap.Sidecars} },
}

// sidecar adds a Sidecar. Of several for one workload the oldest counts: the
// list is in the order of creation, and proxies take the first.
func (d *draft) sidecar(e *crds.Entry) {
	if e.Content.Sidecar == nil {
		return
	}
	s := *e.Content.Sidecar
	if s.Selector != nil || e.Ref.Namespace != d.snap.Mesh.RootNamespace {
		s = *s.Within(e.Ref.Namespace) // the mesh's "." is each workload's own
	}
	if s.Selector != nil && !d.selectsOne(*s.Selector) {
		d.problem(e, model.Warning, model.CodeSelectsNothing, "spec.workloadSelector", "", "no workload of %s has these labels", e.Ref.Namespace)
	}
	if s.Outbound != nil && s.Outbound.Egress != nil {
		out, to := *s.Outbound, *s.Outbound.Egress
		d.destination(e, &to, "spec.outboundTrafficPolicy.egressProxy")
		out.Egress = &to
		s.Outbound = &out
	}
	d.snap.Sidecars = append(d.snap.Sidecars, &s)
}

// selectsOne tells whether a selector matches some workload, or there is none
// to match.
func (d *draft) selectsOne(s model.Selector) bool {
	for _, w := range d.snap.Workloads {
		if s.Matches(w) {
			return true
		}
	}
	return len(d.snap.Workloads) == 0 || d.mayRegister(s.Namespace, s.Labels)
}
