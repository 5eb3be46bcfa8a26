package crds

import (
	"encoding/json"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/krater-mesh/krater/model"
)

func convertEnvoyFilter(c *conversion) Content {
	in := &networking.EnvoyFilter{}
	if !c.read(in) {
		return Content{}
	}
	if len(in.GetTargetRefs()) > 0 {
		c.refuse("spec.targetRefs", "targetRefs select what the Gateway API makes: write workloadSelector")
	}
	if len(in.GetConfigPatches()) == 0 {
		c.missing("spec.configPatches", "an EnvoyFilter has at least one patch")
	}
	selector := c.selector(in.GetWorkloadSelector().GetLabels(), "spec.workloadSelector.labels")
	var out []model.EnvoyPatch
	for i, p := range in.GetConfigPatches() {
		at := index("spec.configPatches", i)
		m := model.EnvoyPatch{Object: c.object.Ref, Index: i, Selector: selector, Priority: in.GetPriority(),
			ApplyTo: p.GetApplyTo().String(), Operation: p.GetPatch().GetOperation().String(), Match: c.patchMatch(p.GetMatch(), at+".match")}
		if !c.patchSupported(p, &m, at) {
			continue
		}
		c.patchValue(&m, c.patchNode(i), at+".patch.value")
		out = append(out, m)
	}
	return Content{Patches: out}
}

// patchNode is a patch's value as it was written: a protobuf Struct would
// make every number a float.
func (c *conversion) patchNode(i int) any {
	patches, _ := c.spec["configPatches"].([]any)
	one, _ := patches[i].(map[string]any)
	patch, _ := one["patch"].(map[string]any)
	return patch["value"]
}

// patchValue checks the value as Envoy would, and keeps it as JSON.
func (c *conversion) patchValue(m *model.EnvoyPatch, value any, at string) {
	if m.Operation == "REMOVE" {
		if value != nil {
			c.warn(at, "REMOVE needs no value: it has no effect")
		}
		return
	}
	if value == nil {
		c.missing(at, "%s needs a value", m.Operation)
		return
	}
	b, err := json.Marshal(value)
	if err != nil {
		c.bad(at, "reading the value: %v", err)
		return
	}
	m.Value = b
	c.envoyMessage(m, at)
}

// patchMatch takes over what a patch says about its place.
func (c *conversion) patchMatch(in *networking.EnvoyFilter_EnvoyConfigObjectMatch, at string) model.PatchMatch {
	out := model.PatchMatch{Version: in.GetProxy().GetProxyVersion(), Node: in.GetProxy().GetMetadata()}
	if x := in.GetContext(); x != networking.EnvoyFilter_ANY {
		out.Context = x.String()
	}
	if out.Version != "" {
		c.regex(out.Version, at+".proxy.proxyVersion")
	}
	if k := in.GetCluster(); k != nil {
		out.Port, out.Cluster, out.Service, out.Subset = k.GetPortNumber(), k.GetName(), k.GetService(), k.GetSubset()
	}
	if r := in.GetRouteConfiguration(); r != nil {
		out.Port, out.PortName, out.Gateway, out.RouteConfiguration = r.GetPortNumber(), r.GetPortName(), r.GetGateway(), r.GetName()
		out.VirtualHost, out.Domain, out.Route = r.GetVhost().GetName(), r.GetVhost().GetDomainName(), r.GetVhost().GetRoute().GetName()
		if a := r.GetVhost().GetRoute().GetAction(); a != networking.EnvoyFilter_RouteConfigurationMatch_RouteMatch_ANY {
			out.Action = a.String()
		}
	}
	if l := in.GetListener(); l != nil {
		f := l.GetFilterChain()
		out.Port, out.PortName, out.Listener, out.ListenerFilter = l.GetPortNumber(), l.GetPortName(), l.GetName(), l.GetListenerFilter()
		out.FilterChain, out.SNI, out.Transport, out.Protocols = f.GetName(), f.GetSni(), f.GetTransportProtocol(), f.GetApplicationProtocols()
		out.ChainPort = f.GetDestinationPort()
		out.Filter = c.filterName(f.GetFilter().GetName(), at+".listener.filterChain.filter.name")
		out.SubFilter = c.filterName(f.GetFilter().GetSubFilter().GetName(), at+".listener.filterChain.filter.subFilter.name")
	}
	return out
}

// oldFilterNames are those that Envoy dropped long ago and tutorials show.
var oldFilterNames = map[string]string{
	"envoy.http_connection_manager": filterHCM, "envoy.tcp_proxy": filterTCPProxy,
	"envoy.router": filterRouter, "envoy.cors": filterCORS, "envoy.fault": filterFault,
}

func (c *conversion) filterName(name, field string) string {
	if instead := oldFilterNames[name]; instead != "" {
		c.old(field, name, "write "+instead)
		return instead
	}
	return name
}
