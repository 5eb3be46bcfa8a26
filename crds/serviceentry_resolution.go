package crds

import (
	"net/netip"
	"strings"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/krater-mesh/krater/model"
)

// resolution holds hosts, addresses and endpoints against what each way of
// finding endpoints can do.
func (c *conversion) resolution(in *networking.ServiceEntry, out *ExternalService) {
	switch out.Service.Resolution {
	case model.ResolutionNone:
		if len(out.Endpoints) > 0 {
			c.add(model.Error, model.CodeInvalidValue, "spec.endpoints", "write resolution: STATIC or DNS",
				"with resolution NONE, the default, calls go where the caller meant: there are no endpoints")
		}
		c.noSelector(out, "resolution NONE has no endpoints")
	case model.ResolutionStatic:
		c.staticEndpoints(out)
	case model.ResolutionDNS, model.ResolutionDNSRoundRobin:
		c.resolvedNames(out)
	case model.ResolutionDynamicDNS:
		c.dynamicNames(out)
	}
	if r := out.Service.Resolution; r != model.ResolutionNone && r != model.ResolutionStatic {
		for i, a := range in.GetAddresses() {
			if strings.Contains(a, "/") {
				c.bad(index("spec.addresses", i), "a network needs resolution NONE or STATIC")
			}
		}
	}
	c.tellApart(out)
}

func (c *conversion) noSelector(out *ExternalService, why string) {
	if out.Select != nil {
		c.warn("spec.workloadSelector", "%s: it has no effect", why)
		out.Select = nil
	}
}

func (c *conversion) staticEndpoints(out *ExternalService) {
	if out.Select == nil && len(out.Endpoints) == 0 {
		c.add(model.Warning, model.CodeMissing, "spec.endpoints", "give endpoints or a workloadSelector, or write resolution: DNS",
			"a STATIC service entry has nothing to call: it answers 503")
	}
	for i, e := range out.Endpoints {
		at := index("spec.endpoints", i) + ".address"
		if _, err := netip.ParseAddr(e.Address); err != nil && !strings.HasPrefix(e.Address, unixPrefix) && !c.reported(at) {
			c.add(model.Error, model.CodeInvalidValue, at, "use resolution: DNS for names",
				"a STATIC endpoint has an IP address, got %q", e.Address)
		}
	}
}

// resolvedNames is for names that the proxy asks for all the time.
func (c *conversion) resolvedNames(out *ExternalService) {
	for i, h := range out.Hosts {
		if strings.HasPrefix(h, "*") && h != "*" && len(out.Endpoints) == 0 && out.Select == nil {
			c.add(model.Error, model.CodeInvalidValue, index("spec.hosts", i), "or write resolution: DYNAMIC_DNS, or NONE",
				"a wildcard cannot be resolved: give endpoints")
		}
	}
	if out.Service.Resolution == model.ResolutionDNSRoundRobin && len(out.Endpoints) > 1 {
		c.bad("spec.endpoints", "DNS_ROUND_ROBIN has at most one endpoint")
	}
	for i, e := range out.Endpoints {
		if strings.HasPrefix(e.Address, unixPrefix) {
			c.bad(index("spec.endpoints", i)+".address", "a unix socket is no name: write resolution: STATIC")
		}
	}
}

// dynamicNames is for names that a request or a handshake gives.
func (c *conversion) dynamicNames(out *ExternalService) {
	for i, h := range out.Hosts {
		if !strings.HasPrefix(h, "*") {
			c.add(model.Error, model.CodeInvalidValue, index("spec.hosts", i), "write resolution: DNS", "DYNAMIC_DNS is for wildcard hosts")
		}
	}
	if len(out.Endpoints) > 0 {
		c.warn("spec.endpoints", "DYNAMIC_DNS resolves the host of each request: they have no effect")
		out.Endpoints = nil
	}
	c.noSelector(out, "DYNAMIC_DNS resolves the host of each request")
	for i, p := range out.Service.Ports {
		if p.Protocol == model.TCP {
			c.bad(index("spec.ports", i)+".protocol", "DYNAMIC_DNS needs a host to resolve: HTTP and TLS tell one, TCP does not")
		}
	}
}

// tellApart warns of hosts that share a port on which nothing says which of
// them is meant.
func (c *conversion) tellApart(out *ExternalService) {
	if len(out.Hosts) < 2 || out.Service.Resolution == model.ResolutionNone {
		return
	}
	for i, p := range out.Service.Ports {
		if p.Protocol == model.TCP {
			c.warn(index("spec.ports", i)+".protocol",
				"TCP does not tell which of the %d hosts is meant: it works by Krater's local ports, and not where traffic is redirected", len(out.Hosts))
		}
	}
}
