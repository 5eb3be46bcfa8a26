package model

import (
	"cmp"
	"slices"
)

// GatewayNameLabel is on the workloads of a Kubernetes Gateway.
const GatewayNameLabel = "gateway.networking.k8s.io/gateway-name"

// Selects tells whether a filter is for a workload's proxy.
func (f *FilterBinding) Selects(w Workload) bool {
	return f.Selector.Matches(w) && (len(f.Gateways) == 0 || slices.Contains(f.Gateways, w.Labels[GatewayNameLabel]))
}

// FiltersFor are the filters of a workload's proxy, in the order in which they
// stand within a phase. It is Istio's: higher priority first, then the
// workload's own namespace before the root's, then the older, then by name.
func (s *Snapshot) FiltersFor(w Workload) []*FilterBinding {
	var out []*FilterBinding
	for _, f := range s.Filters {
		if f.Selects(w) {
			out = append(out, f)
		}
	}
	foreign := func(f *FilterBinding) int {
		if f.Object.Namespace == w.Namespace {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(out, func(a, b *FilterBinding) int {
		return cmp.Or(cmp.Compare(b.Priority, a.Priority), cmp.Compare(foreign(a), foreign(b)), cmp.Compare(a.Created, b.Created),
			cmp.Compare(a.Object.Name, b.Object.Name), cmp.Compare(a.Object.Namespace, b.Object.Namespace), cmp.Compare(a.Object.Kind, b.Object.Kind))
	})
	return out
}
