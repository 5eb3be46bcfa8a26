package translate

import (
	"strings"

	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

// placeLabels are labels with those that say where a workload or endpoint is,
// under the names that failoverPriority has for them.
func placeLabels(labels map[string]string, locality, network, cluster string) map[string]string {
	out := make(map[string]string, len(labels)+5)
	for k, v := range labels {
		out[k] = v
	}
	part := append(strings.SplitN(locality, "/", 3), "", "")
	for name, v := range map[string]string{
		"topology.kubernetes.io/region": part[0], "topology.kubernetes.io/zone": part[1], "topology.istio.io/subzone": part[2],
		"topology.istio.io/network": network, "topology.istio.io/cluster": cluster,
	} {
		if v != "" {
			out[name] = v
		}
	}
	return out
}

// failoverLabels are the callers' labels that a destination's failover asks for.
func failoverLabels(mesh model.Mesh, d *model.DestinationPolicy) []string {
	var out []string
	for _, t := range policies(d) {
		lb := localityLB(&mesh, t)
		if zoneAware(t) {
			lb = asLocality(*t.LoadBalancer.ZoneAware)
		}
		if lb == nil {
			continue
		}
		for _, label := range lb.FailoverPriority {
			name, _, _ := strings.Cut(label, "=")
			out = append(out, name)
		}
	}
	return out
}

// byLabels prefers endpoints that share more of the labels with the caller,
// counted from the first on to the first that differs.
func byLabels(a *endpointv3.ClusterLoadAssignment, eps []model.Endpoint, priority []string, from caller) {
	byEndpoint(a, eps, func(e model.Endpoint) uint32 {
		return differs(priority, from, placeLabels(e.Labels, e.Locality, e.Network, e.Cluster))
	})
}

// byRegion prefers, among endpoints that the labels make equal, those of the
// caller's region, then of the one that takes over for it. Zones stay
// together: Envoy itself balances between them.
func byRegion(a *endpointv3.ClusterLoadAssignment, eps []model.Endpoint, z model.ZoneAwareLB, from caller) {
	const tiers = 3
	own, _, _ := strings.Cut(from.locality, "/")
	byEndpoint(a, eps, func(e model.Endpoint) uint32 {
		region, _, _ := strings.Cut(e.Locality, "/")
		tier := uint32(1)
		for _, f := range z.Failover {
			if f.From == own && f.To != region {
				tier = 2
			}
		}
		if region == own {
			tier = 0
		}
		return tiers*differs(z.FailoverPriority, from, placeLabels(e.Labels, e.Locality, e.Network, e.Cluster)) + tier
	})
}

// byEndpoint gives each endpoint its priority. Those of one locality may come
// to stand in several groups.
func byEndpoint(a *endpointv3.ClusterLoadAssignment, eps []model.Endpoint, priority func(model.Endpoint) uint32) {
	distance := map[string]uint32{} // by address
	for _, e := range eps {
		distance[e.Address] = priority(e)
	}
	var out []*endpointv3.LocalityLbEndpoints
	for _, g := range a.Endpoints {
		groups := map[uint32]*endpointv3.LocalityLbEndpoints{}
		for _, e := range g.LbEndpoints {
			p := distance[endpointAddress(e)]
			if groups[p] == nil {
				groups[p] = &endpointv3.LocalityLbEndpoints{Locality: g.Locality, Priority: p, LoadBalancingWeight: wrapperspb.UInt32(0)}
				out = append(out, groups[p])
			}
			groups[p].LbEndpoints = append(groups[p].LbEndpoints, e)
			groups[p].LoadBalancingWeight.Value += e.LoadBalancingWeight.GetValue()
		}
	}
	a.Endpoints = out
	closeGaps(a)
}

// differs is how many of the labels count for nothing: all from the first on
// in which the two differ. 0: they agree in all.
func differs(priority []string, from caller, labels map[string]string) uint32 {
	for i, label := range priority {
		name, want, given := strings.Cut(label, "=")
		if !given {
			want = from.labels[name]
		}
		if labels[name] != want {
			return uint32(len(priority) - i)
		}
	}
	return 0
}

func endpointAddress(e *endpointv3.LbEndpoint) string {
	a := e.GetEndpoint().GetAddress()
	if p := a.GetPipe(); p != nil {
		return "unix://" + p.GetPath()
	}
	return a.GetSocketAddress().GetAddress()
}
