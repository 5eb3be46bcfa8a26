package crds

import (
	networking "istio.io/api/networking/v1alpha3"

	"github.com/krater-mesh/krater/model"
)

func convertDestinationRule(c *conversion) Content {
	in := &networking.DestinationRule{}
	if !c.read(in) {
		return Content{}
	}
	out := &model.DestinationPolicy{Object: c.object.Ref, ExportTo: c.exportTo(in.GetExportTo(), "spec.exportTo")}
	if in.GetHost() == "" {
		c.missing("spec.host", "a destination rule names a host")
	} else {
		out.Host = c.host(in.GetHost(), "spec.host")
	}
	c.callers(in, out)
	if p := c.trafficPolicy(in.GetTrafficPolicy(), false, "spec.trafficPolicy"); p != nil {
		out.Policy = *p
	}
	seen := map[string]bool{}
	for i, s := range in.GetSubsets() {
		at := index("spec.subsets", i)
		switch {
		case s.GetName() == "":
			c.missing(at+".name", "a subset has a name")
		case !dnsLabel.MatchString(s.GetName()):
			c.bad(at+".name", "%q is no name of a subset: want letters, digits and '-'", s.GetName())
		case seen[s.GetName()]:
			c.bad(at+".name", "the subset %s is declared twice", s.GetName())
		}
		seen[s.GetName()] = true
		out.Subsets = append(out.Subsets, model.Subset{Name: s.GetName(), Labels: c.labels(s.GetLabels(), at+".labels"),
			Policy: c.trafficPolicy(s.GetTrafficPolicy(), out.Policy.OutlierDetection != nil, at+".trafficPolicy")})
	}
	return Content{Destination: out}
}

// callers reads for whom the rule is. One with a selector is for its own
// namespace only.
func (c *conversion) callers(in *networking.DestinationRule, out *model.DestinationPolicy) {
	if in.GetWorkloadSelector() == nil {
		return
	}
	s := c.selector(in.GetWorkloadSelector().GetMatchLabels(), "spec.workloadSelector.matchLabels")
	out.Selector = &s
	if len(s.Labels) == 0 {
		c.add(model.Warning, model.CodeMissing, "spec.workloadSelector", "give matchLabels, or leave it out", "without labels it selects every workload of the namespace")
	}
	for _, e := range in.GetExportTo() {
		if e != "." && e != c.object.Ref.Namespace {
			c.add(model.Error, model.CodeInvalidValue, "spec.exportTo", `write "." or leave it out`, "a rule with a workloadSelector is for its own namespace only")
			return
		}
	}
}

// trafficPolicy reads one; ejects tells whether hosts that fail are ejected by
// the policy that this one replaces parts of.
func (c *conversion) trafficPolicy(p *networking.TrafficPolicy, ejects bool, field string) *model.TrafficPolicy {
	if p == nil {
		return nil
	}
	ejects = ejects || p.GetOutlierDetection() != nil
	out := &model.TrafficPolicy{
		LoadBalancer:     c.loadBalancer(p.GetLoadBalancer(), ejects, field+".loadBalancer"),
		ConnectionPool:   c.connectionPool(p.GetConnectionPool(), field+".connectionPool"),
		OutlierDetection: c.outliers(p.GetOutlierDetection(), field+".outlierDetection"),
		TLS:              c.clientTLS(p.GetTls(), field+".tls"),
		Tunnel:           c.tunnel(p.GetTunnel(), field+".tunnel"),
		RetryBudget:      c.retryBudget(p.GetRetryBudget(), field+".retryBudget"),
		Ports:            c.portPolicies(p.GetPortLevelSettings(), field+".portLevelSettings"),
	}
	if v := p.GetProxyProtocol(); v != nil {
		out.ProxyProtocol = v.GetVersion().String()
	}
	if out.Tunnel != nil && out.ProxyProtocol != "" {
		c.bad(field, "only one of tunnel and proxyProtocol can be given")
	}
	if p.GetLoadBalancer() == nil && p.GetConnectionPool() == nil && p.GetOutlierDetection() == nil && p.GetTls() == nil &&
		p.GetTunnel() == nil && p.GetProxyProtocol() == nil && p.GetRetryBudget() == nil && p.GetPortLevelSettings() == nil && !c.reported(field) {
		c.add(model.Error, model.CodeMissing, field, "leave it out", "a traffic policy has at least one field")
	}
	return out
}

// portPolicies read those of single ports, which replace the others whole.
func (c *conversion) portPolicies(in []*networking.TrafficPolicy_PortTrafficPolicy, field string) []model.PortPolicy {
	var out []model.PortPolicy
	seen := map[uint32]bool{}
	for i, p := range in {
		at := index(field, i)
		n := p.GetPort().GetNumber()
		switch {
		case p.GetPort() == nil && !c.reported(at+".port"):
			c.missing(at+".port", "a port's settings name the port")
		case p.GetPort() != nil:
			c.port(n, at+".port.number")
		}
		if seen[n] && n != 0 {
			c.bad(at+".port.number", "the port %d is given twice", n)
		}
		seen[n] = true
		if p.GetLoadBalancer() == nil && p.GetConnectionPool() == nil && p.GetOutlierDetection() == nil && p.GetTls() == nil && !c.reported(at) {
			c.add(model.Error, model.CodeMissing, at, "leave it out", "a port's settings have at least one field beside the port")
		}
		out = append(out, model.PortPolicy{Port: n, Policy: model.TrafficPolicy{
			LoadBalancer:     c.loadBalancer(p.GetLoadBalancer(), p.GetOutlierDetection() != nil, at+".loadBalancer"),
			ConnectionPool:   c.connectionPool(p.GetConnectionPool(), at+".connectionPool"),
			OutlierDetection: c.outliers(p.GetOutlierDetection(), at+".outlierDetection"),
			TLS:              c.clientTLS(p.GetTls(), at+".tls"),
		}})
	}
	return out
}
