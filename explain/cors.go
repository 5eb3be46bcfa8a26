package explain

import (
	"slices"
	"strconv"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// cors answers preflights, before any policy is asked.
func (p *passage) cors() {
	if p.role == RoleServer {
		return
	}
	route := p.e.route(p.w, p.role, p.view)
	if route.CORS == nil {
		return
	}
	headers, answered := Preflight(*route.CORS, p.view)
	if !answered {
		return
	}
	route.Targets, route.Mirrors, route.Fault = nil, nil, nil
	route.Response = model.HeaderOps{Set: headers}
	p.hop.Route = &route
	p.verdict = &Verdict{Status: 200, Details: "cors_response", Reason: "the route's corsPolicy answers the preflight"}
}

// Preflight gives the headers of the answer to a CORS preflight; answered is
// false for other requests, and for those that go on to the destination.
func Preflight(c model.CORSPolicy, v View) (headers map[string]string, answered bool) {
	origin, _ := v.Header("origin")
	method, _ := v.Header("access-control-request-method")
	allowed := allowsOrigin(c, origin)
	stop := c.StopUnmatched != nil && *c.StopUnmatched
	if v.Method != "OPTIONS" || origin == "" || method == "" || !allowed && !stop {
		return nil, false
	}
	asked, _ := v.Header("access-control-request-headers")
	headers = map[string]string{}
	set := func(name, value, any string) {
		if value == "*" {
			value = any
		}
		if value != "" {
			headers["access-control-"+name] = value
		}
	}
	if allowed {
		set("allow-origin", origin, origin)
	}
	if c.AllowCredentials != nil && *c.AllowCredentials {
		set("allow-credentials", "true", "")
	}
	set("allow-methods", strings.Join(c.AllowMethods, ","), method)
	set("allow-headers", strings.Join(c.AllowHeaders, ","), asked)
	if c.MaxAge != nil {
		set("max-age", strconv.Itoa(int(c.MaxAge.Std().Seconds())), "")
	}
	return headers, true
}

// AllowsOrigin tells whether the sender of a request may read the answer.
func AllowsOrigin(c model.CORSPolicy, v View) bool {
	origin, _ := v.Header("origin")
	return allowsOrigin(c, origin)
}

// allowsOrigin tells whether an origin may read answers. What matches "*" is
// for any of them, as Envoy has it.
func allowsOrigin(c model.CORSPolicy, origin string) bool {
	return origin != "" && slices.ContainsFunc(c.AllowOrigins, func(m model.StringMatch) bool {
		return m.Matches("*") || m.Matches(origin)
	})
}
