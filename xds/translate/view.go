package translate

import (
	"github.com/krater-mesh/krater/model"
)

// view is all that a proxy's own part is made of: its listeners, route
// configurations and slots, and the clusters that lead to its application.
type view struct {
	opt            Options
	mesh           *model.Mesh
	workload       *model.Workload
	listeners      *plannedListeners // nil at a sidecar
	connections    *connections
	httpPorts      []uint32       // that are called, where traffic is redirected
	headless       []headlessPort // likewise
	mode           model.OutboundMode
	sidecar        *model.Sidecar // nil: none
	accepts        accepts
	egressTo       *model.Destination
	patches        patches
	authorization  []*model.AuthorizationPolicy
	providers      []provider // that its CUSTOM policies have asked
	rego           []*model.RegoPolicy
	authentication []*model.RequestAuthentication
	accessLists    []*model.AccessList
	limits         []*model.Limit
	filters        []*model.FilterBinding
	preload        []*model.FilterBinding // whose code is loaded, and not used yet
	attributes     []*model.AttributeSet
	telemetry      []*model.TelemetryRule
}

// view selects what concerns a workload.
func (r *round) view(w *model.Workload, s shared, l *plannedListeners) view {
	v := view{opt: r.opt, mesh: r.mesh, workload: w, connections: s.connections, httpPorts: s.httpPorts, headless: s.headless, mode: s.outbound, egressTo: s.egressTo, sidecar: s.sidecar, listeners: l,
		accepts:       acceptedBy(r.snap.MTLS(*w)),
		patches:       patchesFor(r.snap, *w),
		authorization: policiesFor(r.snap.Authorization, w),
		rego:          selected(r.snap.Rego, w, func(p *model.RegoPolicy) model.Selector { return p.Selector }),
		accessLists:   selected(r.snap.AccessLists, w, func(l *model.AccessList) model.Selector { return l.Selector }),
		limits:        selected(r.snap.Limits, w, func(l *model.Limit) model.Selector { return l.Selector }),
		attributes:    selected(r.snap.Attributes, w, func(a *model.AttributeSet) model.Selector { return a.Selector }),
		telemetry:     selected(r.snap.Telemetry, w, func(t *model.TelemetryRule) model.Selector { return t.Selector }),
	}
	for _, a := range r.snap.RequestAuthentications {
		if a.Selects(*w) {
			v.authentication = append(v.authentication, a)
		}
	}
	v.providers = r.providersFor(w, v.authorization)
	v.filters, v.preload = r.filtersOf(w)
	return v
}

// policiesFor are those that are for the workload.
func policiesFor(list []*model.AuthorizationPolicy, w *model.Workload) []*model.AuthorizationPolicy {
	var out []*model.AuthorizationPolicy
	for _, a := range list {
		if a.Selects(*w) {
			out = append(out, a)
		}
	}
	return out
}

// selected are the items whose selector takes the workload.
func selected[T any](list []*T, w *model.Workload, of func(*T) model.Selector) []*T {
	var out []*T
	for _, item := range list {
		if of(item).Matches(*w) {
			out = append(out, item)
		}
	}
	return out
}
