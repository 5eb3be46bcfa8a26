package crds

import (
	"slices"
	"strings"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/krater-mesh/krater/model"
)

func convertServiceEntry(c *conversion) Content {
	in := &networking.ServiceEntry{}
	if !c.read(in) {
		return Content{}
	}
	out := &ExternalService{}
	out.Service = model.Service{Object: c.object.Ref, Namespace: c.object.Ref.Namespace, Addresses: in.GetAddresses(),
		ExportTo: c.serviceExportTo(in.GetExportTo(), "spec.exportTo"), SubjectAltNames: in.GetSubjectAltNames(),
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
		at := index("spec.endpoints", i)
		out.Endpoints = append(out.Endpoints, c.endpoint(e, at))
		c.servedPorts(e, out.Service.Ports, at)
	}
	if s := in.GetWorkloadSelector(); s != nil {
		out.Select = map[string]string{}
		for k, v := range c.selector(s.GetLabels(), "spec.workloadSelector.labels").Labels {
			out.Select[k] = v
		}
		if len(out.Select) == 0 {
			c.warn("spec.workloadSelector", "without labels it selects every workload of the namespace")
		}
		if len(out.Endpoints) > 0 {
			c.bad("spec.workloadSelector", "it excludes endpoints")
		}
	}
	out.Service.Resolution = model.Resolution(in.GetResolution().String())
	c.resolution(in, out)
	return Content{Service: out}
}

// serviceExportTo also reads "~": nobody but the workloads that serve it.
func (c *conversion) serviceExportTo(in []string, field string) []string {
	if len(in) == 1 && in[0] == "~" {
		return in
	}
	return c.exportTo(in, field)
}

func (c *conversion) servicePorts(ports []*networking.ServicePort, s *model.Service) {
	if len(ports) == 0 {
		c.add(model.Warning, model.CodeMissing, "spec.ports", "", "a service without ports cannot be called")
	}
	numbers, words := map[uint32]bool{}, map[string]bool{}
	for i, p := range ports {
		at := index("spec.ports", i)
		out := model.Port{Number: c.port(p.GetNumber(), at+".number"), Name: p.GetName(),
			TargetPort: c.optionalPort(p.GetTargetPort(), at+".targetPort")}
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

// servedPorts reports ports of an endpoint that the service has not.
func (c *conversion) servedPorts(e *networking.WorkloadEntry, ports []model.Port, at string) {
	var known []string
	for _, p := range ports {
		known = append(known, p.Name)
	}
	for name := range e.GetPorts() {
		if !slices.Contains(known, name) {
			c.add(model.Error, model.CodeInvalidValue, join(at+".ports", name), meant(name, known), "the service has no port of this name")
		}
	}
	if strings.HasPrefix(e.GetAddress(), unixPrefix) && len(ports) != 1 {
		c.bad(at+".address", "a service on unix sockets has exactly one port, not %d", len(ports))
	}
}
