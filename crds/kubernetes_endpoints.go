package crds

import (
	"net/netip"

	"github.com/krater-mesh/krater/model"
)

// EndpointSlice is a part of the endpoints of a Kubernetes Service.
type EndpointSlice struct {
	Service string `json:"service"` // its name, in the slice's namespace
	// Endpoints have their ports by the service port's name. One that is not
	// ready is unhealthy: it only counts where the Service says so. The
	// addresses of a slice of type FQDN are names.
	Endpoints []model.Endpoint `json:"endpoints,omitempty"`
}

// labelServiceName says which Service a slice belongs to.
const labelServiceName = "kubernetes.io/service-name"

type endpointSliceBody struct {
	AddressType string              `json:"addressType"`
	Endpoints   []sliceEndpoint     `json:"endpoints"`
	Ports       []endpointSlicePort `json:"ports"`
}

type sliceEndpoint struct {
	Addresses  []string `json:"addresses"`
	Conditions struct {
		Ready       *bool `json:"ready"` // nil: it is
		Serving     *bool `json:"serving"`
		Terminating *bool `json:"terminating"`
	} `json:"conditions"`
	Hostname  string `json:"hostname"`
	TargetRef struct {
		Kind            string `json:"kind"`
		Namespace       string `json:"namespace"`
		Name            string `json:"name"`
		UID             string `json:"uid"`
		APIVersion      string `json:"apiVersion"`
		ResourceVersion string `json:"resourceVersion"`
		FieldPath       string `json:"fieldPath"`
	} `json:"targetRef"`
	NodeName string `json:"nodeName"`
	Zone     string `json:"zone"`
	// Hints are for proxies that know their zone and have no DestinationRule.
	Hints              any               `json:"hints"`
	DeprecatedTopology map[string]string `json:"deprecatedTopology"`
}

type endpointSlicePort struct {
	Name        string `json:"name"`
	Protocol    string `json:"protocol"`
	Port        uint32 `json:"port"`
	AppProtocol string `json:"appProtocol"` // the Service's says it
}

func convertEndpointSlice(c *conversion) Content {
	in := &endpointSliceBody{}
	if !c.read(in) {
		return Content{}
	}
	labels := c.metadataLabels()
	out := &EndpointSlice{Service: labels[labelServiceName]}
	if out.Service == "" {
		c.missing(join("metadata.labels", labelServiceName), "a slice names its Service by this label")
	}
	switch in.AddressType {
	case "IPv4", "IPv6", "FQDN":
	default:
		c.bad("addressType", "want one of IPv4, IPv6, FQDN, got %q", in.AddressType)
	}
	ports := c.slicePorts(in.Ports)
	for i, e := range in.Endpoints {
		at := index("endpoints", i)
		if len(e.Addresses) == 0 {
			c.missing(at+".addresses", "an endpoint has an address")
		}
		for j, a := range e.Addresses {
			c.sliceAddress(a, in.AddressType, index(at+".addresses", j))
			out.Endpoints = append(out.Endpoints, e.endpoint(a, ports, labels, c.object.Ref.Namespace))
		}
	}
	return Content{EndpointSlice: out}
}

func (e *sliceEndpoint) endpoint(address string, ports map[string]uint32, labels map[string]string, namespace string) model.Endpoint {
	out := model.Endpoint{Address: address, Ports: ports, Network: labels[labelNetwork], Health: model.Healthy, Weight: 1}
	if r := e.Conditions.Ready; r != nil && !*r {
		out.Health = model.Unhealthy
	}
	place := map[string]string{labelRegion: labels[labelRegion], labelZone: e.Zone}
	if e.Zone == "" {
		place[labelZone] = e.DeprecatedTopology[labelZone]
	}
	if region := e.DeprecatedTopology[labelRegion]; region != "" {
		place[labelRegion] = region
	}
	out.Locality = localityOf("", place)
	if e.TargetRef.Kind == "Pod" {
		out.Workload = namespace + "/" + e.TargetRef.Name
	}
	return out
}

func (c *conversion) slicePorts(in []endpointSlicePort) map[string]uint32 {
	out := map[string]uint32{}
	for i, p := range in {
		at := index("ports", i)
		if c.ignoredProtocol(p.Protocol, at+".protocol") {
			continue
		}
		if p.Port == 0 {
			c.ignore(at+".port", "a port without a number, which is every port, is not supported: it is left out")
			continue
		}
		out[p.Name] = c.port(p.Port, at+".port")
	}
	return out
}

func (c *conversion) sliceAddress(address, kind, field string) {
	if kind == "FQDN" {
		c.host(address, field)
		return
	}
	if a, err := netip.ParseAddr(address); err != nil || a.Is4() != (kind == "IPv4") {
		c.bad(field, "want an address of type %s, got %q", kind, address)
	}
}
