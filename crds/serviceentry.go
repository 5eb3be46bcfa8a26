package crds

import (
	"net/netip"
	"strings"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/krater-mesh/krater/model"
)

var serviceEntryTranslated = []string{"hosts", "addresses", "ports", "location", "resolution", "endpoints",
	"workloadSelector", "exportTo"}

func convertServiceEntry(c *conversion) Content {
	in := &networking.ServiceEntry{}
	if !c.read(in) {
		return Content{}
	}
	out := &ExternalService{Select: in.GetWorkloadSelector().GetLabels()}
	out.Service = model.Service{Object: c.object.Ref, Namespace: c.object.Ref.Namespace,
		Addresses: in.GetAddresses(), ExportTo: in.GetExportTo(), Resolution: model.ResolutionStatic,
		External: in.GetLocation() == networking.ServiceEntry_MESH_EXTERNAL}
	if len(in.GetHosts()) == 0 {
		c.missing("spec.hosts", "a service entry has at least one host")
	}
	for i, h := range in.GetHosts() {
		at := index("spec.hosts", i)
		if h == "*" {
			c.bad(at, `"*" would take every host`)
		}
		out.Hosts = append(out.Hosts, c.host(h, at))
	}
	c.servicePorts(in.GetPorts(), &out.Service)
	for i, a := range in.GetAddresses() {
		c.cidr(a, index("spec.addresses", i))
	}
	for i, e := range in.GetEndpoints() {
		out.Endpoints = append(out.Endpoints, c.endpoint(e, index("spec.endpoints", i)))
	}
	c.resolution(in, out)
	return Content{Service: out}
}

func (c *conversion) servicePorts(ports []*networking.ServicePort, s *model.Service) {
	if len(ports) == 0 {
		c.missing("spec.ports", "a service entry has at least one port")
	}
	numbers, words := map[uint32]bool{}, map[string]bool{}
	for i, p := range ports {
		at := index("spec.ports", i)
		out := model.Port{Number: c.port(p.GetNumber(), at+".number"), Name: p.GetName(), TargetPort: p.GetTargetPort()}
		out.Protocol = c.protocol(p.GetProtocol(), p.GetName(), p.GetNumber(), at+".protocol")
		switch {
		case p.GetName() == "":
			c.missing(at+".name", "a port has a name")
		case words[p.GetName()]:
			c.bad(at+".name", "the name %s is given twice", p.GetName())
		case numbers[p.GetNumber()]:
			c.add(model.Error, model.CodePort, at+".number", "", "the port %d is given twice", p.GetNumber())
		}
		words[p.GetName()], numbers[p.GetNumber()] = true, true
		s.Ports = append(s.Ports, out)
	}
}

func (c *conversion) resolution(in *networking.ServiceEntry, out *ExternalService) {
	chosen := out.Select != nil
	if chosen && len(out.Endpoints) > 0 {
		c.bad("spec.workloadSelector", "it excludes endpoints")
	}
	switch in.GetResolution() {
	case networking.ServiceEntry_STATIC:
		if !chosen && len(out.Endpoints) == 0 {
			c.missing("spec.endpoints", "a STATIC service entry has endpoints, or a workloadSelector")
		}
		for i, e := range out.Endpoints {
			if _, err := netip.ParseAddr(e.Address); err != nil && !c.reported(index("spec.endpoints", i)) {
				c.add(model.Error, model.CodeInvalidValue, index("spec.endpoints", i)+".address", "use resolution: DNS for names",
					"a STATIC endpoint has an IP address, got %q", e.Address)
			}
		}
	case networking.ServiceEntry_DNS:
		out.Service.Resolution = model.ResolutionDNS
		for i, h := range out.Hosts {
			if strings.HasPrefix(h, "*") && len(out.Endpoints) == 0 && !chosen {
				c.bad(index("spec.hosts", i), "a wildcard cannot be resolved: give endpoints")
			}
		}
	default:
		c.refuse("spec.resolution", "only STATIC and DNS are translated yet, not %s", in.GetResolution())
	}
}

func convertWorkloadEntry(c *conversion) Content {
	in := &networking.WorkloadEntry{}
	if !c.read(in) {
		return Content{}
	}
	return Content{Workload: &ExternalWorkload{Endpoint: c.endpoint(in, "spec")}}
}

func (c *conversion) endpoint(e *networking.WorkloadEntry, field string) model.Endpoint {
	out := model.Endpoint{Network: e.GetNetwork(), Locality: e.GetLocality(), Address: e.GetAddress(), Ports: e.GetPorts(),
		Labels: e.GetLabels(), ServiceAccount: e.GetServiceAccount(), Health: model.Healthy, Weight: max(e.GetWeight(), 1)}
	switch {
	case e.GetAddress() == "":
		c.missing(field+".address", "an endpoint has an address")
	case strings.HasPrefix(e.GetAddress(), "unix://"):
		c.refuse(field+".address", "unix sockets are not translated yet")
	default:
		c.host(e.GetAddress(), field+".address")
	}
	for name, n := range e.GetPorts() {
		c.port(n, join(field+".ports", name))
	}
	return out
}
