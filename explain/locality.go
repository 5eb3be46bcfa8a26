package explain

import (
	"maps"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// near leaves the endpoints that a caller's place lets it reach: with declared
// shares those of the places that have one, with failover those of the first
// priority, and of the next ones as far as too few of the first are healthy.
func near(eps []model.Endpoint, w model.Workload, mesh model.Mesh, t model.TrafficPolicy) []model.Endpoint {
	lb := mesh.LocalityLB
	if t.LoadBalancer != nil && t.LoadBalancer.Locality != nil {
		lb = t.LoadBalancer.Locality
	}
	if z := zones(t); z != nil && w.Locality != "" {
		return first(eps, func(e model.Endpoint) int { return regionDistance(e, w, *z) })
	}
	switch {
	case lb == nil:
		lb = &model.LocalityLB{}
	case lb.Enabled != nil && !*lb.Enabled:
		return eps
	}
	for _, d := range lb.Distribute {
		if w.Locality != "" && within(w.Locality, d.From) {
			return slices.DeleteFunc(slices.Clone(eps), func(e model.Endpoint) bool { return !hasShare(e.Locality, d.To) })
		}
	}
	switch {
	case t.OutlierDetection == nil, w.Locality == "" && len(lb.FailoverPriority) == 0:
		return eps
	}
	return first(eps, func(e model.Endpoint) int { return distance(e, w, lb) })
}

// zones is the zone aware setting that holds; nil: none.
func zones(t model.TrafficPolicy) *model.ZoneAwareLB {
	if t.LoadBalancer == nil || t.LoadBalancer.ZoneAware == nil {
		return nil
	}
	if z := t.LoadBalancer.ZoneAware; z.Enabled == nil || *z.Enabled {
		return z
	}
	return nil
}

// regionDistance orders by labels, then by region: the caller's, the one that
// takes over for it, the rest.
func regionDistance(e model.Endpoint, w model.Workload, z model.ZoneAwareLB) int {
	labels := 0
	if len(z.FailoverPriority) > 0 {
		labels = distance(e, w, &model.LocalityLB{FailoverPriority: z.FailoverPriority})
	}
	own, other := strings.Split(w.Locality, "/")[0], strings.Split(e.Locality, "/")[0]
	switch {
	case own == other:
		return 3 * labels
	case slices.ContainsFunc(z.Failover, func(f model.LocalityFailover) bool { return f.From == own && f.To != other }):
		return 3*labels + 2
	}
	return 3*labels + 1
}

// hasShare tells whether the narrowest place that holds a locality has a share.
func hasShare(locality string, to map[string]uint32) bool {
	best, share := -1, uint32(0)
	for place, percent := range to {
		narrow := 2*strings.Count(place, "/") - strings.Count(place, "*")
		if within(locality, place) && narrow > best {
			best, share = narrow, percent
		}
	}
	return share > 0
}

// within tells whether a locality lies in a place ("eu", "eu/*", "eu/a/1", "*").
func within(locality, place string) bool {
	have := append(strings.Split(locality, "/"), "", "")
	for i, want := range strings.Split(place, "/") {
		if want == "*" {
			return true
		}
		if i >= len(have) || have[i] != want {
			return false
		}
	}
	return true
}

// distance is an endpoint's priority for a caller; 0 is asked first.
func distance(e model.Endpoint, w model.Workload, lb *model.LocalityLB) int {
	if len(lb.FailoverPriority) > 0 {
		mine, its := places(w.Labels, w.Locality, w.Network, w.Cluster), places(e.Labels, e.Locality, e.Network, e.Cluster)
		for i, label := range lb.FailoverPriority {
			name, want, given := strings.Cut(label, "=")
			if !given {
				want = mine[name]
			}
			if its[name] != want {
				return len(lb.FailoverPriority) - i
			}
		}
		return 0
	}
	own, other := append(strings.Split(w.Locality, "/"), "", ""), append(strings.Split(e.Locality, "/"), "", "")
	for i, far := range []int{3, 2, 1} {
		if own[i] == other[i] {
			continue
		}
		for _, f := range lb.Failover {
			if i == 0 && f.From == own[0] && f.To != other[0] {
				return 4
			}
		}
		return far
	}
	return 0
}

// places are labels with the names that failoverPriority has for a place.
func places(labels map[string]string, locality, network, cluster string) map[string]string {
	part := append(strings.Split(locality, "/"), "", "")
	out := map[string]string{"topology.kubernetes.io/region": part[0], "topology.kubernetes.io/zone": part[1],
		"topology.istio.io/subzone": part[2], "topology.istio.io/network": network, "topology.istio.io/cluster": cluster}
	for k, v := range labels {
		out[k] = v
	}
	return out
}

// overprovisioning is Envoy's: a priority takes all calls as long as 1 of 1.4
// of its endpoints is healthy.
const overprovisioning = 1.4

// first leaves the priorities that get calls.
func first(eps []model.Endpoint, priority func(model.Endpoint) int) []model.Endpoint {
	groups := map[int][]model.Endpoint{}
	for _, e := range eps {
		groups[priority(e)] = append(groups[priority(e)], e)
	}
	var out []model.Endpoint
	load := 0.0
	for _, p := range slices.Sorted(maps.Keys(groups)) {
		if load >= 1 {
			break
		}
		healthy := 0
		for _, e := range groups[p] {
			if e.Health != model.Unhealthy {
				healthy++
			}
		}
		if healthy > 0 {
			load += overprovisioning * float64(healthy) / float64(len(groups[p]))
			out = append(out, groups[p]...)
		}
	}
	return out
}
