package crds

import (
	networking "istio.io/api/networking/v1alpha3"

	"github.com/krater-mesh/krater/model"
)

var (
	destinationRuleTranslated = append([]string{"host", "exportTo", "subsets[].name", "subsets[].labels"},
		append(trafficPolicyFields("trafficPolicy"), trafficPolicyFields("subsets[].trafficPolicy")...)...)
	destinationRuleRefused = []string{
		"workloadSelector", "trafficPolicy.tls", "subsets[].trafficPolicy.tls",
		"trafficPolicy.tunnel", "subsets[].trafficPolicy.tunnel",
		"trafficPolicy.proxyProtocol", "subsets[].trafficPolicy.proxyProtocol",
	}
)

func trafficPolicyFields(at string) []string {
	var out []string
	for _, f := range []string{
		"loadBalancer.simple", "loadBalancer.consistentHash.httpHeaderName",
		"loadBalancer.consistentHash.httpCookie.name", "loadBalancer.consistentHash.httpCookie.path",
		"loadBalancer.consistentHash.httpCookie.ttl", "loadBalancer.consistentHash.useSourceIp",
		"loadBalancer.consistentHash.httpQueryParameterName", "loadBalancer.consistentHash.ringHash",
		"loadBalancer.consistentHash.maglev", "loadBalancer.consistentHash.minimumRingSize",
		"connectionPool.tcp", "connectionPool.http.http1MaxPendingRequests", "connectionPool.http.http2MaxRequests",
		"connectionPool.http.maxRequestsPerConnection", "connectionPool.http.maxRetries",
		"connectionPool.http.idleTimeout", "connectionPool.http.h2UpgradePolicy",
		"connectionPool.http.useClientProtocol", "connectionPool.http.maxConcurrentStreams",
		"outlierDetection.splitExternalLocalOriginErrors", "outlierDetection.consecutiveLocalOriginFailures",
		"outlierDetection.consecutiveGatewayErrors", "outlierDetection.consecutive5xxErrors",
		"outlierDetection.interval", "outlierDetection.baseEjectionTime",
		"outlierDetection.maxEjectionPercent", "outlierDetection.minHealthPercent",
	} {
		out = append(out, at+"."+f)
	}
	return out
}

func convertDestinationRule(c *conversion) Content {
	in := &networking.DestinationRule{}
	if !c.read(in) {
		return Content{}
	}
	out := &model.DestinationPolicy{Object: c.object.Ref, ExportTo: in.GetExportTo()}
	if in.GetHost() == "" {
		c.missing("spec.host", "a destination rule names a host")
	} else {
		out.Host = c.host(in.GetHost(), "spec.host")
	}
	if p := c.trafficPolicy(in.GetTrafficPolicy(), "spec.trafficPolicy"); p != nil {
		out.Policy = *p
	}
	seen := map[string]bool{}
	for i, s := range in.GetSubsets() {
		at := index("spec.subsets", i)
		switch {
		case s.GetName() == "":
			c.missing(at+".name", "a subset has a name")
		case seen[s.GetName()]:
			c.bad(at+".name", "the subset %s is declared twice", s.GetName())
		}
		seen[s.GetName()] = true
		out.Subsets = append(out.Subsets, model.Subset{Name: s.GetName(), Labels: s.GetLabels(),
			Policy: c.trafficPolicy(s.GetTrafficPolicy(), at+".trafficPolicy")})
	}
	return Content{Destination: out}
}

func (c *conversion) trafficPolicy(p *networking.TrafficPolicy, field string) *model.TrafficPolicy {
	if p == nil {
		return nil
	}
	return &model.TrafficPolicy{
		LoadBalancer:     c.loadBalancer(p.GetLoadBalancer(), field+".loadBalancer"),
		ConnectionPool:   c.connectionPool(p.GetConnectionPool(), field+".connectionPool"),
		OutlierDetection: c.outliers(p.GetOutlierDetection(), field+".outlierDetection"),
	}
}

func (c *conversion) loadBalancer(l *networking.LoadBalancerSettings, field string) *model.LoadBalancer {
	if h := l.GetConsistentHash(); h != nil {
		return c.consistentHash(h, field+".consistentHash")
	}
	if l == nil {
		return nil
	}
	switch l.GetSimple() {
	case networking.LoadBalancerSettings_ROUND_ROBIN:
		return &model.LoadBalancer{Balance: model.RoundRobin}
	case networking.LoadBalancerSettings_RANDOM:
		return &model.LoadBalancer{Balance: model.Random}
	case networking.LoadBalancerSettings_PASSTHROUGH:
		return &model.LoadBalancer{Balance: model.Passthrough}
	}
	return &model.LoadBalancer{Balance: model.LeastRequest}
}

func (c *conversion) consistentHash(h *networking.LoadBalancerSettings_ConsistentHashLB, field string) *model.LoadBalancer {
	out := &model.LoadBalancer{Balance: model.RingHash, HashOn: &model.HashOn{
		Header: h.GetHttpHeaderName(), Query: h.GetHttpQueryParameterName(), SourceIP: h.GetUseSourceIp()}}
	if k := h.GetHttpCookie(); k != nil {
		out.HashOn.Cookie = &model.HashCookie{Name: k.GetName(), Path: k.GetPath()}
		if t := k.GetTtl(); t != nil { // 0s: a cookie of the session
			d := model.Duration(t.AsDuration())
			out.HashOn.Cookie.TTL = &d
		}
		if k.GetName() == "" {
			c.missing(field+".httpCookie.name", "a cookie has a name")
		}
	}
	if *out.HashOn == (model.HashOn{}) {
		c.missing(field, "it does not say what to hash")
	}
	//lint:ignore SA1019 v1alpha3 files still have it
	out.MinimumRingSize = h.GetMinimumRingSize()
	if r := h.GetRingHash(); r != nil {
		out.MinimumRingSize = r.GetMinimumRingSize()
	}
	if m := h.GetMaglev(); m != nil {
		out.Balance, out.TableSize, out.MinimumRingSize = model.Maglev, m.GetTableSize(), 0
	}
	return out
}
