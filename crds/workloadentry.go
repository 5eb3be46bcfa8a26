package crds

import (
	"strings"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/krater-mesh/krater/model"
)

func convertWorkloadEntry(c *conversion) Content {
	in := &networking.WorkloadEntry{}
	if !c.read(in) {
		return Content{}
	}
	return Content{Workload: &ExternalWorkload{Endpoint: c.endpoint(in, "spec")}}
}

func (c *conversion) endpoint(e *networking.WorkloadEntry, field string) model.Endpoint {
	out := c.endpointTemplate(e, field)
	out.Address = e.GetAddress()
	switch {
	case e.GetAddress() == "" && e.GetNetwork() != "":
		c.refuse(field+".address", "an endpoint without an address is reached through its network's gateway, which comes with several clusters")
	case e.GetAddress() == "":
		c.missing(field+".address", "an endpoint has an address")
	case strings.HasPrefix(e.GetAddress(), unixPrefix):
		c.unixAddress(e.GetAddress(), field+".address")
		if len(e.GetPorts()) > 0 {
			c.bad(field+".ports", "a unix socket has no ports")
		}
	case strings.HasPrefix(e.GetAddress(), "*"):
		c.bad(field+".address", "an address is no wildcard")
	default:
		c.host(e.GetAddress(), field+".address")
	}
	return out
}

// endpointTemplate is all of an endpoint but its address.
func (c *conversion) endpointTemplate(e *networking.WorkloadEntry, field string) model.Endpoint {
	for name, n := range e.GetPorts() {
		c.port(n, join(field+".ports", name))
	}
	c.labels(e.GetLabels(), field+".labels")
	if e.GetServiceAccount() != "" {
		c.add(model.Info, model.CodeNotSupported, field+".serviceAccount", "", "who a workload is comes with identity: it has no effect yet")
	}
	return model.Endpoint{Network: networkOf(e.GetNetwork(), e.GetLabels()), Locality: localityOf(e.GetLocality(), e.GetLabels()),
		Ports: e.GetPorts(), Labels: e.GetLabels(), ServiceAccount: e.GetServiceAccount(), Health: model.Healthy, Weight: max(e.GetWeight(), 1)}
}

// The labels that say where a workload is.
const (
	labelLocality = "istio-locality" // with dots, since a label has no slash
	labelRegion   = "topology.kubernetes.io/region"
	labelZone     = "topology.kubernetes.io/zone"
	labelSubzone  = "topology.istio.io/subzone"
	labelNetwork  = "topology.istio.io/network"
)

// localityOf is "region/zone/subzone": as given, else as the labels say.
func localityOf(given string, labels map[string]string) string {
	if given != "" {
		return given
	}
	if l := labels[labelLocality]; l != "" {
		return strings.ReplaceAll(l, ".", "/")
	}
	parts := []string{labels[labelRegion], labels[labelZone], labels[labelSubzone]}
	return strings.TrimRight(strings.Join(parts, "/"), "/")
}

func networkOf(given string, labels map[string]string) string {
	if given != "" {
		return given
	}
	return labels[labelNetwork]
}
