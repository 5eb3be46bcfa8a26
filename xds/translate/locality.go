package translate

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"

	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

// caller is where a proxy stands, for clusters that prefer some places; zero
// for those that do not, so that all proxies share them.
type caller struct {
	locality string            // "region/zone/subzone"
	labels   map[string]string // with those of its place
}

// callerOf is where calls to a destination come from, as far as that matters.
func callerOf(w *model.Workload, mesh *model.Mesh, policy *model.DestinationPolicy) caller {
	if w.Locality == "" && len(w.Labels) == 0 {
		return caller{}
	}
	labels := map[string]string(nil)
	matters := false
	for _, t := range policies(policy) {
		lb := localityLB(mesh, t)
		if zoneAware(t) {
			lb = asLocality(*t.LoadBalancer.ZoneAware)
		}
		if lb == nil || len(lb.Distribute) == 0 && t.OutlierDetection == nil && !zoneAware(t) {
			continue
		}
		matters = true
		if len(lb.FailoverPriority) > 0 {
			labels = placeLabels(w.Labels, w.Locality, w.Network, w.Cluster)
		}
	}
	if !matters {
		return caller{}
	}
	return caller{w.Locality, labels}
}

// policies are all that hold for some port of some subset.
func policies(d *model.DestinationPolicy) []model.TrafficPolicy {
	if d == nil {
		return []model.TrafficPolicy{{}}
	}
	out := []model.TrafficPolicy{d.Policy}
	ports := d.Policy.Ports
	for _, s := range d.Subsets {
		if s.Policy != nil {
			out = append(out, d.PolicyFor(s.Name, 0))
			ports = append(slices.Clone(ports), s.Policy.Ports...)
		}
	}
	for _, p := range ports {
		out = append(out, d.PolicyFor("", p.Port))
		for _, s := range d.Subsets {
			out = append(out, d.PolicyFor(s.Name, p.Port))
		}
	}
	return out
}

// localityLB is the setting that holds; nil: none.
func localityLB(mesh *model.Mesh, t model.TrafficPolicy) *model.LocalityLB {
	lb := mesh.LocalityLB
	if t.LoadBalancer != nil && t.LoadBalancer.Locality != nil {
		lb = t.LoadBalancer.Locality
	}
	switch {
	case lb == nil:
		return &model.LocalityLB{}
	case lb.Enabled != nil && !*lb.Enabled:
		return nil
	}
	return lb
}

func zoneAware(t model.TrafficPolicy) bool {
	return t.LoadBalancer != nil && t.LoadBalancer.ZoneAware != nil &&
		(t.LoadBalancer.ZoneAware.Enabled == nil || *t.LoadBalancer.ZoneAware.Enabled)
}

func asLocality(z model.ZoneAwareLB) *model.LocalityLB {
	return &model.LocalityLB{Failover: z.Failover, FailoverPriority: z.FailoverPriority}
}

// prefersPlaces tells whether a caller's localities have weights or priorities
// of their own. Failover needs outlier detection: without it Envoy would never
// leave the first priority.
func prefersPlaces(mesh *model.Mesh, from caller, t model.TrafficPolicy) bool {
	lb := localityLB(mesh, t)
	if lb == nil || from.locality == "" && len(lb.FailoverPriority) == 0 {
		return false
	}
	return distribution(lb, from) != nil || t.OutlierDetection != nil
}

// prefer orders an assignment's localities for a caller.
func prefer(a *endpointv3.ClusterLoadAssignment, eps []model.Endpoint, mesh *model.Mesh, from caller, t model.TrafficPolicy) {
	lb := localityLB(mesh, t)
	switch {
	case zoneAware(t) && from.locality != "":
		byRegion(a, eps, *t.LoadBalancer.ZoneAware, from)
	case lb == nil:
	case distribution(lb, from) != nil:
		distribute(a, distribution(lb, from))
	case t.OutlierDetection == nil:
	case len(lb.FailoverPriority) > 0:
		byLabels(a, eps, lb.FailoverPriority, from)
	case from.locality != "":
		byLocality(a, lb.Failover, from.locality)
	}
}

// distribution is the first whose place the caller is in; nil: none.
func distribution(lb *model.LocalityLB, from caller) map[string]uint32 {
	for _, d := range lb.Distribute {
		if from.locality != "" && inPlace(from.locality, d.From) {
			return d.To
		}
	}
	return nil
}

// inPlace tells whether a locality is at a place: "region/*", "region/zone",
// "*", … Parts that the place does not name may be anything.
func inPlace(locality, place string) bool {
	have := append(strings.SplitN(locality, "/", 3), "", "")
	for i, want := range strings.SplitN(place, "/", 3) {
		if want == "*" {
			return true
		}
		if want != have[i] {
			return false
		}
	}
	return true
}

func localityName(g *endpointv3.LocalityLbEndpoints) string {
	l := g.GetLocality()
	return strings.TrimRight(l.GetRegion()+"/"+l.GetZone()+"/"+l.GetSubZone(), "/")
}

// distribute gives localities their shares; those of one place part its share
// by their own weights. Localities without a share get nothing. A narrower
// place takes its localities before a wider one.
func distribute(a *endpointv3.ClusterLoadAssignment, to map[string]uint32) {
	left := slices.Clone(a.Endpoints)
	a.Endpoints = nil
	places := slices.SortedFunc(maps.Keys(to), func(x, y string) int {
		return cmp.Or(cmp.Compare(strings.Count(y, "/"), strings.Count(x, "/")), cmp.Compare(strings.Count(x, "*"), strings.Count(y, "*")), cmp.Compare(x, y))
	})
	for _, place := range places {
		var here []*endpointv3.LocalityLbEndpoints
		sum := uint32(0)
		left = slices.DeleteFunc(left, func(g *endpointv3.LocalityLbEndpoints) bool {
			in := inPlace(localityName(g), place)
			if in {
				here, sum = append(here, g), sum+g.LoadBalancingWeight.GetValue()
			}
			return in
		})
		for _, g := range here {
			share := float64(g.LoadBalancingWeight.GetValue()) * float64(to[place]) / float64(sum)
			g.LoadBalancingWeight = wrapperspb.UInt32(uint32(math.Ceil(share)))
			if to[place] > 0 {
				a.Endpoints = append(a.Endpoints, g)
			}
		}
	}
	slices.SortStableFunc(a.Endpoints, func(x, y *endpointv3.LocalityLbEndpoints) int { return cmp.Compare(localityName(x), localityName(y)) })
}

// byLocality prefers what is near: the same subzone, zone, region, then, where
// the settings name one, the region that takes over, then the rest.
func byLocality(a *endpointv3.ClusterLoadAssignment, failover []model.LocalityFailover, from string) {
	own := append(strings.SplitN(from, "/", 3), "", "")
	for _, g := range a.Endpoints {
		l := g.GetLocality()
		switch {
		case l.GetRegion() == own[0] && l.GetZone() == own[1] && l.GetSubZone() == own[2]:
			g.Priority = 0
		case l.GetRegion() == own[0] && l.GetZone() == own[1]:
			g.Priority = 1
		case l.GetRegion() == own[0]:
			g.Priority = 2
		default:
			g.Priority = 3
			for _, f := range failover {
				if f.From == own[0] {
					if l.GetRegion() != f.To {
						g.Priority = 4
					}
					break
				}
			}
		}
	}
	closeGaps(a)
}

// closeGaps numbers priorities from 0 on, as Envoy wants them.
func closeGaps(a *endpointv3.ClusterLoadAssignment) {
	var used []uint32
	for _, g := range a.Endpoints {
		used = append(used, g.Priority)
	}
	slices.Sort(used)
	used = slices.Compact(used)
	for _, g := range a.Endpoints {
		g.Priority = uint32(slices.Index(used, g.Priority))
	}
	slices.SortStableFunc(a.Endpoints, func(x, y *endpointv3.LocalityLbEndpoints) int { return cmp.Compare(x.Priority, y.Priority) })
}
