package crds

import (
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/known/wrapperspb"
	networking "istio.io/api/networking/v1alpha3"

	"github.com/krater-mesh/krater/model"
)

// placeLabels are those of failoverPriority that say where an endpoint is.
var placeLabels = []string{"topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone"}

func (c *conversion) locality(l *networking.LocalityLoadBalancerSetting, field string) *model.LocalityLB {
	if l == nil {
		return nil
	}
	out := &model.LocalityLB{Enabled: optionalBool(l.GetEnabled()), FailoverPriority: c.failoverPriority(l.GetFailoverPriority(), field+".failoverPriority")}
	if len(l.GetDistribute()) > 0 && len(l.GetFailover())+len(l.GetFailoverPriority()) > 0 {
		c.bad(field, "only one of distribute and failover can be given")
	}
	var from []string
	for i, d := range l.GetDistribute() {
		at := index(field+".distribute", i)
		from = c.place(d.GetFrom(), from, at+".from")
		c.shares(d.GetTo(), at+".to")
		out.Distribute = append(out.Distribute, model.LocalityShare{From: d.GetFrom(), To: d.GetTo()})
	}
	for i, f := range l.GetFailover() {
		out.Failover = append(out.Failover, c.failover(f.GetFrom(), f.GetTo(), index(field+".failover", i)))
	}
	if len(out.Failover) > 0 {
		c.noPlaceLabels(out.FailoverPriority, "failover orders regions already", field+".failoverPriority")
	}
	return out
}

func (c *conversion) zoneAware(z *networking.ZoneAwareLoadBalancerSetting, field string) *model.ZoneAwareLB {
	if z == nil {
		return nil
	}
	out := &model.ZoneAwareLB{Enabled: optionalBool(z.GetEnabled()), FailoverPriority: c.failoverPriority(z.GetFailoverPriority(), field+".failoverPriority")}
	for i, f := range z.GetFailover() {
		out.Failover = append(out.Failover, c.failover(f.GetFrom(), f.GetTo(), index(field+".failover", i)))
	}
	c.noPlaceLabels(out.FailoverPriority, "regions and zones are ordered already", field+".failoverPriority")
	if n := z.GetMinClusterSize(); n != nil {
		size := n.GetValue()
		out.MinClusterSize = &size
		if size == 0 {
			c.bad(field+".minClusterSize", "it is at least 1")
		}
	}
	return out
}

// shares are percent of a place's calls.
func (c *conversion) shares(to map[string]uint32, field string) {
	var sum uint64
	var places []string
	for _, p := range slices.Sorted(maps.Keys(to)) {
		places = c.place(p, places, join(field, p))
		if to[p] == 0 {
			c.add(model.Error, model.CodeWeights, join(field, p), "leave it out", "a share is from 1 to 100")
		}
		sum += uint64(to[p])
	}
	if sum != 100 {
		c.add(model.Error, model.CodeWeights, field, "give shares that sum up to 100", "the shares sum up to %d", sum)
	}
}

// place checks "region/zone/subzone", whose last part may be "*", against
// those before it, and adds it to them: no endpoint may be of two.
func (c *conversion) place(place string, before []string, field string) []string {
	parts := strings.Split(place, "/")
	if len(parts) > 3 || slices.Contains(parts, "") || strings.Contains(strings.TrimSuffix(place, "*"), "*") ||
		strings.HasSuffix(place, "*") && parts[len(parts)-1] != "*" {
		c.bad(field, `%q is no place: want "region/zone/subzone", "region/zone/*", "region/*" or "*"`, place)
		return before
	}
	for _, other := range before {
		if placeWithin(place, other) || placeWithin(other, place) {
			c.bad(field, "%s is in %s, or has it in it", place, other)
			break
		}
	}
	return append(before, place)
}

func placeWithin(a, b string) bool {
	b = strings.TrimSuffix(strings.TrimSuffix(b, "*"), "/")
	return b == "" || a == b || strings.HasPrefix(a, b+"/")
}

func (c *conversion) failover(from, to, field string) model.LocalityFailover {
	switch {
	case from == "" || to == "":
		c.missing(field, "a failover has from and to")
	case from == to:
		c.bad(field, "from and to are the same region")
	case strings.Contains(to, "*"):
		c.bad(field+".to", "a region to go to has no wildcard")
	}
	return model.LocalityFailover{From: from, To: to}
}

// failoverPriority are names of labels, with or without a value.
func (c *conversion) failoverPriority(in []string, field string) []string {
	for i, l := range in {
		name, value, _ := strings.Cut(l, "=")
		c.labels(map[string]string{name: value}, index(field, i))
	}
	return in
}

func (c *conversion) noPlaceLabels(in []string, why, field string) {
	for i, l := range in {
		if name, _, _ := strings.Cut(l, "="); slices.Contains(placeLabels, name) {
			c.add(model.Error, model.CodeInvalidValue, index(field, i), "leave it out", "%s cannot stand here: %s", name, why)
		}
	}
}

func optionalBool(b *wrapperspb.BoolValue) *bool {
	if b == nil {
		return nil
	}
	value := b.GetValue()
	return &value
}
