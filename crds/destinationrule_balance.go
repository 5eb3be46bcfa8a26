package crds

import (
	"math"
	"strings"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/krater-mesh/krater/model"
)

func (c *conversion) loadBalancer(l *networking.LoadBalancerSettings, ejects bool, field string) *model.LoadBalancer {
	if l == nil {
		return nil
	}
	out := &model.LoadBalancer{Balance: model.LeastRequest}
	switch l.GetSimple() {
	case networking.LoadBalancerSettings_ROUND_ROBIN:
		out.Balance = model.RoundRobin
	case networking.LoadBalancerSettings_RANDOM:
		out.Balance = model.Random
	case networking.LoadBalancerSettings_PASSTHROUGH:
		out.Balance = model.Passthrough
	}
	if h := l.GetConsistentHash(); h != nil {
		out = c.consistentHash(h, field+".consistentHash")
	}
	out.Locality = c.locality(l.GetLocalityLbSetting(), field+".localityLbSetting")
	out.ZoneAware = c.zoneAware(l.GetZoneAwareLbSetting(), field+".zoneAwareLbSetting")
	if out.Locality != nil && out.ZoneAware != nil {
		c.bad(field, "only one of localityLbSetting and zoneAwareLbSetting can be given")
	}
	if !ejects {
		c.failoverNeedsEjection(out, field)
	}
	out.Warmup = c.warmup(l, field)
	if out.Warmup != nil && out.Balance != model.LeastRequest && out.Balance != model.RoundRobin {
		c.add(model.Warning, model.CodeInvalidValue, field+".warmup", "use LEAST_REQUEST or ROUND_ROBIN", "with %s, endpoints are not warmed up", out.Balance)
	}
	return out
}

// failoverNeedsEjection warns of a failover that nothing sets off.
func (c *conversion) failoverNeedsEjection(l *model.LoadBalancer, field string) {
	for at, given := range map[string]bool{
		".localityLbSetting.failover":          l.Locality != nil && len(l.Locality.Failover) > 0,
		".localityLbSetting.failoverPriority":  l.Locality != nil && len(l.Locality.FailoverPriority) > 0,
		".zoneAwareLbSetting.failover":         l.ZoneAware != nil && len(l.ZoneAware.Failover) > 0,
		".zoneAwareLbSetting.failoverPriority": l.ZoneAware != nil && len(l.ZoneAware.FailoverPriority) > 0,
	} {
		if given {
			c.add(model.Warning, model.CodeMissing, field+at, "give outlierDetection", "without outlierDetection no endpoint is found unhealthy by its answers")
		}
	}
}

// warmup reads the settings, or the old form, which has their duration only.
func (c *conversion) warmup(l *networking.LoadBalancerSettings, field string) *model.Warmup {
	w, old := l.GetWarmup(), l.GetWarmupDurationSecs()
	switch {
	case w != nil && old != nil:
		c.add(model.Error, model.CodeInvalidValue, field+".warmupDurationSecs", "leave it out", "only one of warmupDurationSecs and warmup can be given")
	case old != nil:
		if d := c.duration(old, field+".warmupDurationSecs"); d != nil {
			return &model.Warmup{Duration: *d}
		}
		return nil
	case w == nil:
		return nil
	}
	at := field + ".warmup"
	out := &model.Warmup{MinimumPercent: w.GetMinimumPercent().GetValue(), Aggression: w.GetAggression().GetValue()}
	if d := c.duration(w.GetDuration(), at+".duration"); d != nil {
		out.Duration = *d
	} else if !c.reported(at + ".duration") {
		c.missing(at+".duration", "a warmup has a duration")
	}
	switch {
	case out.MinimumPercent < 0 || out.MinimumPercent > 100:
		c.bad(at+".minimumPercent", "a percentage is from 0 to 100")
	case w.GetMinimumPercent() != nil && out.MinimumPercent == 0:
		out.MinimumPercent = 0.0001 // 0 is Envoy's default, 10
	}
	if w.GetAggression() != nil && out.Aggression < 1 {
		c.bad(at+".aggression", "it is at least 1, which is linear")
	}
	return out
}

func (c *conversion) consistentHash(h *networking.LoadBalancerSettings_ConsistentHashLB, field string) *model.LoadBalancer {
	out := &model.LoadBalancer{Balance: model.RingHash, HashOn: &model.HashOn{
		Header: h.GetHttpHeaderName(), Query: h.GetHttpQueryParameterName(), SourceIP: h.GetUseSourceIp(), Cookie: c.hashCookie(h.GetHttpCookie(), field+".httpCookie")}}
	if *out.HashOn == (model.HashOn{}) && !c.reported(field) {
		c.missing(field, "it does not say what to hash")
	}
	if name := strings.ToLower(out.HashOn.Header); name != "" && !headerName(name) {
		c.bad(field+".httpHeaderName", "%q is no header name", out.HashOn.Header)
	}
	//lint:ignore SA1019 tutorials still have it
	old := h.GetMinimumRingSize()
	out.MinimumRingSize = old
	if old != 0 && h.GetHashAlgorithm() != nil {
		c.add(model.Error, model.CodeInvalidValue, field+".minimumRingSize", "leave it out", "only one of minimumRingSize, ringHash and maglev can be given")
	}
	if r := h.GetRingHash(); r != nil {
		out.MinimumRingSize = r.GetMinimumRingSize()
	}
	if out.MinimumRingSize > 8<<20 {
		c.bad(field+".ringHash.minimumRingSize", "a ring has at most %d entries", 8<<20)
	}
	if m := h.GetMaglev(); m != nil {
		out.Balance, out.TableSize, out.MinimumRingSize = model.Maglev, m.GetTableSize(), 0
		if out.TableSize != 0 && (out.TableSize > 5000011 || !prime(out.TableSize)) {
			c.add(model.Error, model.CodeInvalidValue, field+".maglev.tableSize", "65537 is usual", "a table's size is a prime number, at most 5000011")
		}
	}
	return out
}

func prime(n uint64) bool {
	if n < 2 || n > 2 && n%2 == 0 {
		return false
	}
	for f := uint64(3); f <= uint64(math.Sqrt(float64(n))); f += 2 {
		if n%f == 0 {
			return false
		}
	}
	return true
}

func (c *conversion) hashCookie(k *networking.LoadBalancerSettings_ConsistentHashLB_HTTPCookie, field string) *model.HashCookie {
	if k == nil {
		return nil
	}
	if k.GetName() == "" {
		c.missing(field+".name", "a cookie has a name")
	}
	c.oneLine(k.GetName(), field+".name")
	c.oneLine(k.GetPath(), field+".path")
	out := &model.HashCookie{Name: k.GetName(), Path: k.GetPath(), TTL: c.durationOrZero(k.GetTtl(), field+".ttl")} // 0s: a cookie of the session
	for i, a := range k.GetAttributes() {
		at := index(field+".attributes", i)
		if name := strings.ToLower(a.GetName()); name == "" {
			c.missing(at+".name", "an attribute has a name")
		} else if !headerName(name) {
			c.bad(at+".name", "%q is no name of an attribute", a.GetName())
		}
		if strings.Contains(a.GetValue(), ";") {
			c.bad(at+".value", "%q cannot stand in a cookie", a.GetValue())
		}
		c.oneLine(a.GetValue(), at+".value")
		out.Attributes = append(out.Attributes, model.CookieAttribute{Name: a.GetName(), Value: a.GetValue()})
	}
	return out
}
