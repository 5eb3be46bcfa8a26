package crds

import (
	"slices"
	"strings"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/krater-mesh/krater/model"
)

// The filters that patches may name.
const (
	filterHCM      = "envoy.filters.network.http_connection_manager"
	filterTCPProxy = "envoy.filters.network.tcp_proxy"
	filterRouter   = "envoy.filters.http.router"
	filterCORS     = "envoy.filters.http.cors"
	filterFault    = "envoy.filters.http.fault"
)

// patchable is what can be done where. Everything else depends on how Krater
// builds its listeners, which is nobody's to rely on.
var patchable = map[string][]string{
	"CLUSTER":             {"MERGE", "ADD", "REMOVE"},
	"LISTENER":            {"MERGE", "REMOVE"},
	"NETWORK_FILTER":      {"MERGE"},
	"HTTP_FILTER":         {"INSERT_FIRST", "INSERT_BEFORE", "INSERT_AFTER", "MERGE"},
	"ROUTE_CONFIGURATION": {"MERGE"},
	"VIRTUAL_HOST":        {"MERGE", "ADD", "REMOVE"},
	"HTTP_ROUTE":          {"MERGE", "ADD", "REMOVE", "INSERT_FIRST", "INSERT_BEFORE", "INSERT_AFTER"},
}

// anchors tells users of all of it at once.
const anchors = "CLUSTER, VIRTUAL_HOST and HTTP_ROUTE can be merged into, added and removed, HTTP_ROUTE also inserted; ROUTE_CONFIGURATION merged into; " +
	"LISTENER merged into and removed; NETWORK_FILTER " + filterHCM + " and " + filterTCPProxy + " merged into; " +
	"HTTP_FILTER inserted first, before " + filterRouter + ", before or after " + filterCORS + " and " + filterFault + ", and the router merged into"

// matchOf is the kind of match that each place has.
var matchOf = map[string]string{
	"CLUSTER": "cluster", "LISTENER": "listener", "NETWORK_FILTER": "listener", "HTTP_FILTER": "listener",
	"ROUTE_CONFIGURATION": "routeConfiguration", "VIRTUAL_HOST": "routeConfiguration", "HTTP_ROUTE": "routeConfiguration",
}

// patchSupported tells whether there is anything to translate, and reports
// why not.
func (c *conversion) patchSupported(p *networking.EnvoyFilter_EnvoyConfigObjectPatch, m *model.EnvoyPatch, at string) bool {
	if p.GetApplyTo() == networking.EnvoyFilter_INVALID {
		c.missing(at+".applyTo", "a patch says what it applies to")
		return false
	}
	if p.GetPatch().GetOperation() == networking.EnvoyFilter_Patch_INVALID {
		c.missing(at+".patch.operation", "a patch says what it does")
		return false
	}
	if p.GetPatch().GetFilterClass() != networking.EnvoyFilter_Patch_UNSPECIFIED {
		c.unsupportedPatch(at+".patch.filterClass", "a filter's class is not an anchor")
		return false
	}
	if m.Match.Context == "WAYPOINT" || p.GetMatch().GetWaypoint() != nil {
		c.unsupportedPatch(at+".match", "there are no waypoints")
		return false
	}
	if !slices.Contains(patchable[m.ApplyTo], m.Operation) {
		c.unsupportedPatch(at, "%s of %s is not supported", m.Operation, m.ApplyTo)
		return false
	}
	given := map[string]bool{"cluster": p.GetMatch().GetCluster() != nil, "listener": p.GetMatch().GetListener() != nil,
		"routeConfiguration": p.GetMatch().GetRouteConfiguration() != nil}
	for _, kind := range []string{"cluster", "listener", "routeConfiguration"} {
		if given[kind] && matchOf[m.ApplyTo] != kind {
			c.bad(at+".match."+kind, "a patch of %s is matched by %s", m.ApplyTo, matchOf[m.ApplyTo])
			return false
		}
	}
	return c.patchPlace(m, at+".match") && c.patchAnchor(m, at)
}

// patchPlace refuses matches that nothing here has: without them a patch
// would be applied where it is not meant to be.
func (c *conversion) patchPlace(m *model.EnvoyPatch, at string) bool {
	none := func(given bool, field, fix, why string) bool {
		if given {
			c.add(model.Error, model.CodeNotSupported, at+field, fix, "%s: nothing would match", why)
		}
		return !given
	}
	listener := matchOf[m.ApplyTo] == "listener"
	if m.Match.Version != "" {
		c.ignore(at+".proxy.proxyVersion", "proxies have no version of Istio's: the patch is for every version")
	}
	return none(len(m.Match.Node) > 0, ".proxy.metadata", "write workloadSelector", "proxies have no metadata of Istio's injection") &&
		none(listener && m.Match.PortName != "", ".listener.portName", "write portNumber", "listeners know ports by their number") &&
		none(!listener && m.Match.PortName != "", ".routeConfiguration.portName", "write portNumber", "routes of gateways know ports by their number") &&
		none(m.Match.Protocols != "", ".listener.filterChain.applicationProtocols", "leave it out", "filter chains are not chosen by application protocol") &&
		none(m.Match.ListenerFilter != "" && m.ApplyTo != "LISTENER", ".listener.listenerFilter", "leave it out", "listener filters are no anchor")
}

func (c *conversion) unsupportedPatch(field, format string, args ...any) {
	c.refuse(field, format, args...)
	c.problems[len(c.problems)-1].Fix = anchors
}

// patchAnchor checks the filter that a patch of filters names.
func (c *conversion) patchAnchor(m *model.EnvoyPatch, at string) bool {
	filter, sub := at+".match.listener.filterChain.filter.name", at+".match.listener.filterChain.filter.subFilter.name"
	switch m.ApplyTo {
	case "NETWORK_FILTER":
		if m.Match.Filter != filterHCM && m.Match.Filter != filterTCPProxy {
			c.unsupportedPatch(filter, "the filter %q is no anchor", m.Match.Filter)
			return false
		}
	case "HTTP_FILTER":
		if m.Match.Filter != "" && m.Match.Filter != filterHCM {
			c.unsupportedPatch(filter, "HTTP filters are in %s, not in %q", filterHCM, m.Match.Filter)
			return false
		}
		return c.httpAnchor(m, at, sub)
	case "LISTENER":
		if m.Match.ListenerFilter != "" || m.Match.Filter != "" {
			c.bad(at+".match.listener", "a listener is matched by name and port, not by its filters")
			return false
		}
	}
	return true
}

func (c *conversion) httpAnchor(m *model.EnvoyPatch, at, field string) bool {
	ok := slices.Contains([]string{filterRouter, filterCORS, filterFault}, m.Match.SubFilter)
	switch {
	case m.Operation == "INSERT_FIRST" || m.Operation == "INSERT_BEFORE" && m.Match.SubFilter == "":
		m.Operation = "INSERT_FIRST" // before nothing in particular is first, as in Istio
		return true
	case m.Match.SubFilter == "":
		c.unsupportedPatch(at+".match", "%s without a subFilter is not supported", m.Operation)
	case !ok:
		c.unsupportedPatch(field, "the filter %q is no anchor", m.Match.SubFilter)
	case m.Operation == "INSERT_AFTER" && m.Match.SubFilter == filterRouter:
		c.bad(field, "nothing comes after the router: write INSERT_BEFORE")
	case m.Operation == "MERGE" && m.Match.SubFilter != filterRouter:
		c.unsupportedPatch(at, "only the router is merged into, not %s", strings.TrimPrefix(m.Match.SubFilter, "envoy.filters.http."))
	default:
		return true
	}
	return false
}
