package crds

import (
	"maps"
	"net/netip"
	"strings"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/krater-mesh/krater/model"
)

func convertWorkloadEntry(c *conversion) Content {
	in := &networking.WorkloadEntry{}
	if !c.read(in) {
		return Content{}
	}
	out := &ExternalWorkload{Group: c.object.Annotation(annotationGroup)}
	in.Labels = c.allLabels(in.GetLabels())
	out.Endpoint = c.endpoint(in, "spec")
	out.Endpoint.Health = c.registeredHealth()
	out.Agent = out.Group != "" || in.GetLabels()[labelTLSMode] == tlsModeIstio
	if _, err := netip.ParseAddr(in.GetAddress()); out.Agent && err != nil {
		c.bad("spec.address", "a workload with an agent has an IP address")
	}
	out.Metrics = c.appMetrics("metadata.annotations")
	return Content{Workload: out}
}

// allLabels are those of the spec, and the object's own, which count more.
func (c *conversion) allLabels(spec map[string]string) map[string]string {
	own := c.object.Root.Field("metadata").Field("labels")
	if own == nil || len(own.Fields) == 0 {
		return spec
	}
	out := maps.Clone(spec)
	if out == nil {
		out = map[string]string{}
	}
	for _, f := range own.Fields {
		out[f.Name] = f.Value.Text()
	}
	return out
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
	if a := e.GetServiceAccount(); a != "" && !dnsName.MatchString(a) {
		c.bad(field+".serviceAccount", "%q is no name of a service account", a)
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
	// labelTLSMode tells, with tlsModeIstio, that a proxy of the mesh stands
	// before a workload.
	labelTLSMode = "security.istio.io/tlsMode"
	tlsModeIstio = "istio"
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
