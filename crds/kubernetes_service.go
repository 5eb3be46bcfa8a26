package crds

import (
	"encoding/json"
	"net/netip"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// KubeService is a Kubernetes Service.
type KubeService struct {
	// Service has no Host yet: the mesh's domain makes it. It is STATIC, and
	// DNS where an ExternalName gives its one endpoint.
	Service model.Service `json:"service"`
	// Select takes the workloads of the namespace with these labels; nil:
	// none, EndpointSlices may name the service.
	Select map[string]string `json:"select,omitzero"`
	// TargetNames are target ports by name: port → name of the workload's.
	TargetNames map[string]string `json:"targetNames,omitempty"`
	Endpoints   []model.Endpoint  `json:"endpoints,omitempty"`
	// NotReady: endpoints that are not ready count as well.
	NotReady bool `json:"notReady,omitempty"`
}

type kubeServiceSpec struct {
	Ports                         []kubeServicePort `json:"ports"`
	Selector                      map[string]string `json:"selector"`
	ClusterIP                     string            `json:"clusterIP"`
	ClusterIPs                    []string          `json:"clusterIPs"`
	Type                          string            `json:"type"`
	ExternalName                  string            `json:"externalName"`
	PublishNotReadyAddresses      bool              `json:"publishNotReadyAddresses"`
	SessionAffinity               string            `json:"sessionAffinity"`
	SessionAffinityConfig         any               `json:"sessionAffinityConfig"`
	InternalTrafficPolicy         string            `json:"internalTrafficPolicy"`
	TrafficDistribution           string            `json:"trafficDistribution"`
	IPFamilies                    []string          `json:"ipFamilies"`
	IPFamilyPolicy                string            `json:"ipFamilyPolicy"`
	ExternalIPs                   []string          `json:"externalIPs"`
	ExternalTrafficPolicy         string            `json:"externalTrafficPolicy"`
	HealthCheckNodePort           uint32            `json:"healthCheckNodePort"`
	LoadBalancerIP                string            `json:"loadBalancerIP"`
	LoadBalancerSourceRanges      []string          `json:"loadBalancerSourceRanges"`
	LoadBalancerClass             string            `json:"loadBalancerClass"`
	AllocateLoadBalancerNodePorts bool              `json:"allocateLoadBalancerNodePorts"`
}

type kubeServicePort struct {
	Name        string          `json:"name"`
	Protocol    string          `json:"protocol"`
	AppProtocol string          `json:"appProtocol"`
	Port        uint32          `json:"port"`
	TargetPort  json.RawMessage `json:"targetPort"` // a number, or a name
	NodePort    uint32          `json:"nodePort"`
}

// annotationExportTo shows a Service to some namespaces only.
const annotationExportTo = "networking.istio.io/exportTo"

func convertKubeService(c *conversion) Content {
	in := &kubeServiceSpec{}
	if !c.read(in) {
		return Content{}
	}
	out := &KubeService{Select: in.Selector, NotReady: in.PublishNotReadyAddresses}
	out.Service = model.Service{Object: c.object.Ref, Namespace: c.object.Ref.Namespace, Name: c.object.Ref.Name, Resolution: model.ResolutionStatic}
	if to := c.object.Annotation(annotationExportTo); to != "" {
		var list []string
		for _, ns := range strings.Split(to, ",") {
			list = append(list, strings.TrimSpace(ns))
		}
		out.Service.ExportTo = c.serviceExportTo(list, join("metadata.annotations", annotationExportTo))
	}
	c.kubePorts(in, out)
	c.kubeAddresses(in, out)
	if in.SessionAffinity == "ClientIP" {
		c.add(model.Warning, model.CodeNotSupported, "spec.sessionAffinity", "write a DestinationRule with consistentHash.useSourceIp", "proxies do not keep it")
	}
	if in.InternalTrafficPolicy == "Local" {
		c.ignore("spec.internalTrafficPolicy", "proxies do not know nodes: it has no effect")
	}
	if in.TrafficDistribution != "" {
		c.add(model.Warning, model.CodeNotSupported, "spec.trafficDistribution", "write a DestinationRule with localityLbSetting", "proxies do not read it")
	}
	return Content{KubeService: out}
}

func (c *conversion) kubeAddresses(in *kubeServiceSpec, out *KubeService) {
	switch in.Type {
	case "", "ClusterIP":
	case "NodePort", "LoadBalancer":
		c.add(model.Info, model.CodeNotSupported, "spec.type", "what comes from outside enters by a Gateway", "%s opens nothing outside of the mesh", in.Type)
	case "ExternalName":
		out.Service.External, out.Service.Resolution, out.Select = true, model.ResolutionDNS, nil
		if in.ExternalName == "" {
			c.missing("spec.externalName", "an ExternalName service has one")
			return
		}
		name := c.host(strings.TrimSuffix(in.ExternalName, "."), "spec.externalName")
		out.Endpoints = []model.Endpoint{{Address: name, Health: model.Healthy, Weight: 1}}
		return
	default:
		c.add(model.Error, model.CodeInvalidValue, "spec.type", "", "want one of ClusterIP, NodePort, LoadBalancer, ExternalName, got %q", in.Type)
	}
	addresses, field := in.ClusterIPs, "spec.clusterIPs"
	if len(addresses) == 0 && in.ClusterIP != "" {
		addresses, field = []string{in.ClusterIP}, "spec.clusterIP"
	}
	for _, a := range addresses {
		if a == "None" {
			out.Service.Headless = true
		} else if _, err := netip.ParseAddr(a); err != nil {
			c.bad(field, "want an IP address or None, got %q", a)
		} else {
			out.Service.Addresses = append(out.Service.Addresses, a)
		}
	}
}

func (c *conversion) kubePorts(in *kubeServiceSpec, out *KubeService) {
	words, numbers := map[string]bool{}, map[uint32]bool{}
	for i, p := range in.Ports {
		at := index("spec.ports", i)
		c.port(p.Port, at+".port")
		if p.Name == "" && len(in.Ports) > 1 {
			c.missing(at+".name", "of several ports each has a name")
		} else if words[p.Name] {
			c.bad(at+".name", "the name %s is given twice", p.Name)
		}
		words[p.Name] = true
		if c.ignoredProtocol(p.Protocol, at+".protocol") {
			continue
		}
		if numbers[p.Port] {
			c.add(model.Error, model.CodePort, at+".port", "", "the port %d is given twice", p.Port)
		}
		numbers[p.Port] = true
		said := p.AppProtocol
		if said == "" {
			said = p.Name
		}
		m := model.Port{Number: p.Port, Name: p.Name, Protocol: namedProtocol(said, p.Port)}
		m.TargetPort = c.targetPort(p, out, at+".targetPort")
		out.Service.Ports = append(out.Service.Ports, m)
	}
	if len(in.Ports) == 0 && in.Type != "ExternalName" {
		c.add(model.Warning, model.CodeMissing, "spec.ports", "", "a service without ports cannot be called")
	}
}

// targetPort reads a number, or notes a name.
func (c *conversion) targetPort(p kubeServicePort, out *KubeService, field string) uint32 {
	var n uint32
	var name string
	switch {
	case len(p.TargetPort) == 0:
	case json.Unmarshal(p.TargetPort, &n) == nil:
		return c.optionalPort(n, field)
	case json.Unmarshal(p.TargetPort, &name) == nil && dnsLabel.MatchString(name):
		if out.TargetNames == nil {
			out.TargetNames = map[string]string{}
		}
		out.TargetNames[p.Name] = name
	default:
		c.bad(field, "want a port's number or name")
	}
	return 0
}
