package translate

import (
	"slices"
	"strconv"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"github.com/krater-mesh/krater/model"
)

// routesPlace is a route configuration, or a virtual host of it, as patches
// are matched with it.
type routesPlace struct {
	routes   string
	port     model.Port
	gateways []string // "namespace/name"
}

// fits tells whether a patch is for such a place. Istio's names of route
// configurations, which are made of the port, mean ours, too.
func (at routesPlace) fits(m model.PatchMatch) bool {
	port := strconv.Itoa(int(at.port.Number))
	known := m.RouteConfiguration == "" || m.RouteConfiguration == at.routes || m.RouteConfiguration == port || m.RouteConfiguration == "http."+port ||
		strings.HasPrefix(m.RouteConfiguration, "https."+port+".")
	return known && isPort(m.Port, at.port.Number) && is(m.PortName, at.port.Name) && is(m.Gateway, at.gateways...)
}

// patchVirtualHost changes a virtual host that was just made; false: it is
// removed.
func patchVirtualHost(r *report, list patches, at routesPlace, v *routev3.VirtualHost) bool {
	fits := func(p *model.EnvoyPatch) bool {
		return at.fits(p.Match) && is(p.Match.VirtualHost, v.Name, strings.TrimPrefix(v.Name, at.routes+"/")) && is(p.Match.Domain, v.Domains...)
	}
	for _, p := range list {
		if !fits(p) {
			continue
		}
		switch {
		case p.ApplyTo == patchRoute:
			patchRoutesOf(r, p, v)
		case p.ApplyTo != patchHost:
		case p.Operation == "REMOVE":
			return false
		case p.Operation == "MERGE":
			patched(r, patches{p}, v, func(*model.EnvoyPatch) bool { return true })
		}
	}
	return true
}

// patchRoutesOf applies one patch of routes.
func patchRoutesOf(r *report, p *model.EnvoyPatch, v *routev3.VirtualHost) {
	fits := func(route *routev3.Route) bool { return fitsRoute(p.Match, route) }
	at := slices.IndexFunc(v.Routes, fits)
	switch p.Operation {
	case "REMOVE":
		v.Routes = slices.DeleteFunc(v.Routes, fits)
		return
	case "MERGE":
		for _, route := range v.Routes {
			patched(r, patches{p}, route, func(*model.EnvoyPatch) bool { return fits(route) })
		}
		return
	case "ADD":
		at = len(v.Routes)
	case "INSERT_FIRST":
		at = 0
	case "INSERT_BEFORE":
		if p.Match.Route == "" && p.Match.Action == "" {
			at = 0
		}
	case "INSERT_AFTER":
		if at >= 0 {
			at++
		}
	}
	if at < 0 {
		return // no such route here
	}
	if route, ok := read(r, p, &routev3.Route{}); ok {
		v.Routes = slices.Insert(v.Routes, at, route)
	}
}

// fitsRoute knows routes by their whole name, "namespace/table/route", or its
// last part, as Istio names them.
func fitsRoute(m model.PatchMatch, r *routev3.Route) bool {
	if m.Route != "" && r.Name != m.Route && !strings.HasSuffix(r.Name, "/"+m.Route) {
		return false
	}
	switch m.Action {
	case "ROUTE":
		return r.GetRoute() != nil
	case "REDIRECT":
		return r.GetRedirect() != nil
	case "DIRECT_RESPONSE":
		return r.GetDirectResponse() != nil
	}
	return true
}

// patchRouteConfiguration changes one that was just made, and adds virtual
// hosts to it.
func (p *proxy) patchRouteConfiguration(rc *routev3.RouteConfiguration, d direction, at routesPlace) {
	list := p.patches.of(d, patchRoutes, patchHost, patchRoute)
	for _, one := range list {
		if one.ApplyTo == patchHost && one.Operation == "ADD" && at.fits(one.Match) {
			if v, ok := read(&p.report, one, &routev3.VirtualHost{}); ok {
				p.addHost(rc, v)
			}
		}
	}
	rc.VirtualHosts = slices.DeleteFunc(rc.VirtualHosts, func(v *routev3.VirtualHost) bool {
		return !patchVirtualHost(&p.report, list, at, v)
	})
	patched(&p.report, list, rc, func(one *model.EnvoyPatch) bool { return one.ApplyTo == patchRoutes && at.fits(one.Match) })
}

// addHost adds a virtual host as the others are: as a resource of its own
// where they are.
func (p *proxy) addHost(rc *routev3.RouteConfiguration, v *routev3.VirtualHost) {
	if rc.Vhds == nil {
		rc.VirtualHosts = append(rc.VirtualHosts, v)
		return
	}
	v.Name = rc.Name + "/" + strings.ReplaceAll(v.Name, "/", "_")
	p.out.VirtualHosts = append(p.out.VirtualHosts, v)
}
