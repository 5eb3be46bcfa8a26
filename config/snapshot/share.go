package snapshot

import (
	"maps"
	"reflect"
	"slices"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// share puts what the previous snapshot has in equal form in the place of what
// this draft made: the same pointer is the same content.
func (d *draft) share(p *Result) {
	s, e := d.snap, p.Snapshot
	if reflect.DeepEqual(s.Workloads, e.Workloads) {
		s.Workloads = e.Workloads
	}
	if slices.Equal(s.Placements, e.Placements) {
		s.Placements = e.Placements
	}
	s.Services = shared(s.Services, e.Services, func(v *model.Service) model.ServiceKey { return v.Key() })
	s.Gateways = shared(s.Gateways, e.Gateways, func(v *model.Gateway) model.Ref { return v.Object })
	s.Routes = shared(s.Routes, e.Routes, func(v *model.RouteTable) model.Ref { return v.Object })
	s.Destinations = shared(s.Destinations, e.Destinations, func(v *model.DestinationPolicy) model.Ref { return v.Object })
	s.Sidecars = shared(s.Sidecars, e.Sidecars, func(v *model.Sidecar) model.Ref { return v.Object })
	s.Patches = shared(s.Patches, e.Patches, func(v *model.EnvoyPatch) model.Ref { return v.Object })
	s.Secrets = shared(s.Secrets, e.Secrets, func(v *model.Secret) model.Ref { return v.Object })
	s.Authorization = shared(s.Authorization, e.Authorization, func(v *model.AuthorizationPolicy) model.Ref { return v.Object })
	s.Rego = shared(s.Rego, e.Rego, func(v *model.RegoPolicy) model.Ref { return v.Object })
	s.Limits = shared(s.Limits, e.Limits, func(v *model.Limit) limitKey { return limitKey{v.Object, v.Name} })
	s.Filters = shared(s.Filters, e.Filters, func(v *model.FilterBinding) model.Ref { return v.Object })
	s.Attributes = shared(s.Attributes, e.Attributes, func(v *model.AttributeSet) model.Ref { return v.Object })
	s.Telemetry = shared(s.Telemetry, e.Telemetry, func(v *model.TelemetryRule) model.Ref { return v.Object })
	s.Backends = shared(s.Backends, e.Backends, func(v *model.TelemetryBackend) model.Ref { return v.Object })
}

type limitKey struct {
	object model.Ref
	name   string
}

// shared is a list with the items of an earlier one where they are equal; it
// is the earlier one itself where all are. Both are in one order.
func shared[T any, K comparable](list, earlier []*T, key func(*T) K) []*T {
	var at map[K]int // of earlier; made when the two stop being alike
	next, same := 0, len(list) == len(earlier)
	for i, item := range list {
		k := key(item)
		if next >= len(earlier) || key(earlier[next]) != k {
			if at == nil {
				at = make(map[K]int, len(earlier))
				for j, e := range earlier {
					at[key(e)] = j
				}
			}
			j, known := at[k]
			if !known {
				same = false
				continue
			}
			next = j
		}
		if was := earlier[next]; was == item || reflect.DeepEqual(was, item) {
			list[i] = was
		}
		same = same && list[i] == earlier[i]
		next++
	}
	if same {
		return earlier
	}
	return list
}

// origins says where each entry was declared, from what was known of those
// before. Both lists are sorted by Ref.
func origins(entries []*crds.Entry, p *Result) map[string]model.Origin {
	var out map[string]model.Origin
	var before []*crds.Entry
	if p != nil {
		before = p.InForce
		if slices.Equal(entries, before) {
			return p.Snapshot.Origins
		}
		out = maps.Clone(p.Snapshot.Origins)
	} else {
		out = make(map[string]model.Origin, len(entries))
	}
	for _, e := range entries {
		for len(before) > 0 && before[0].Ref.Less(e.Ref) {
			delete(out, before[0].Ref.String())
			before = before[1:]
		}
		if len(before) > 0 && before[0].Ref == e.Ref {
			same := before[0] == e
			before = before[1:]
			if same {
				continue
			}
		}
		out[e.Ref.String()] = e.Origin
	}
	for _, gone := range before {
		delete(out, gone.Ref.String())
	}
	return out
}
