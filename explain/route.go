package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// Routes where no route table has the answer, as in Envoy's %ROUTE_NAME%.
const (
	RouteDefault  = "default"   // a service without a route table
	RouteBlockAll = "block_all" // a sidecar's answer for unknown hosts: 502
	RouteAllowAny = "allow_any" // calls to unknown hosts, where they pass
)

// RouteStep is how a client's sidecar or a gateway routes a request. Status
// is what it answers itself; 0: the request goes to one of Targets.
type RouteStep struct {
	Table    string                `json:"table,omitempty"`    // "VirtualService namespace/name"
	Delegate string                `json:"delegate,omitempty"` // the VirtualService that declares the route for Table
	Name     string                `json:"name,omitempty"`     // %ROUTE_NAME%; empty: no route matched
	Host     string                `json:"host,omitempty"`     // of the virtual host
	Matched  string                `json:"matched,omitempty"`
	Skipped  []SkippedRoute        `json:"skipped,omitempty"`
	Status   uint32                `json:"status,omitempty"`
	Details  string                `json:"details,omitempty"` // Envoy's response code details, where Status is
	Reason   string                `json:"reason"`
	Location string                `json:"location,omitempty"` // of a redirect
	Direct   *model.DirectResponse `json:"directResponse,omitempty"`
	Fault    *model.Fault          `json:"fault,omitempty"`
	Timeout  *model.Duration       `json:"timeout,omitempty"`
	Retries  uint32                `json:"retries,omitempty"` // attempts after the first, at most
	Response model.HeaderOps       `json:"responseHeaders,omitzero"`
	Targets  []Target              `json:"targets,omitempty"`
	Mirrors  []Mirror              `json:"mirrors,omitempty"`
	CORS     *model.CORSPolicy     `json:"cors,omitempty"`
}

// Mirror is where copies of a share of the requests go.
type Mirror struct {
	Cluster string  `json:"cluster"`
	Percent float64 `json:"percent"`
}

// SkippedRoute is an earlier route, and why it did not match.
type SkippedRoute struct {
	Route string `json:"route"`
	Why   string `json:"why"`
}

// routeSidecar routes a call as the caller's sidecar does.
func (e *explainer) routeSidecar(w model.Workload, v View) RouteStep {
	vh, why := sidecarHost(e.snap, w, v.Authority)
	mode, egress := e.snap.ScopeOf(w).Outbound(&e.snap.Mesh)
	switch {
	case why == "":
		return e.walk(vh, v)
	case vh.host != "" || mode != model.AllowAny && mode != model.AllowAnyDynamicDNS:
		return RouteStep{Name: RouteBlockAll, Status: 502, Details: "direct_response", Reason: why}
	}
	step := RouteStep{Name: RouteAllowAny, Reason: why + "; calls to unknown hosts pass"}
	if egress == nil {
		step.Targets = []Target{{Cluster: "PassthroughCluster", Percent: 100, Request: v.clone(), Endpoints: []Server{named(v)}}}
	} else {
		step.Targets = e.targets(w, model.HTTPRoute{Destinations: []model.Destination{*egress}}, nil, v)
	}
	return step
}

// routeGateway routes a request from outside as a gateway does.
func (e *explainer) routeGateway(w model.Workload, v View) RouteStep {
	vh, why := gatewayHost(e.snap, w, v)
	switch {
	case why != "":
		return RouteStep{Status: 404, Details: "route_not_found", Reason: why}
	case vh.https:
		return RouteStep{Host: vh.host, Status: 301, Details: "direct_response", Location: "https://" + v.Authority + v.Path,
			Reason: "the Gateway redirects to HTTPS"}
	}
	return e.walk(vh, v)
}

// walk takes the first route that matches.
func (e *explainer) walk(vh virtualHost, v View) RouteStep {
	step := RouteStep{Host: vh.host}
	mayHold := false
	for _, c := range candidates(vh) {
		mayHold = mayHold || c.holds
		match, why := firstMatch(c.route, vh.at, v)
		if why != "" {
			step.Skipped = append(step.Skipped, SkippedRoute{Route: c.name(nil), Why: why})
			continue
		}
		step.Table, step.Name = c.table.Object.String(), c.name(match)
		if c.route.From != nil {
			step.Delegate = c.route.From.String()
		}
		e.take(&step, c.route, match, vh.at, v)
		return step
	}
	if !mayHold && vh.service != nil {
		step.Name, step.Reason, step.Retries = RouteDefault, "no VirtualService applies", e.snap.Mesh.Retries.Attempts
		if len(vh.tables) > 0 {
			step.Reason = "no route of a VirtualService is for this proxy"
		}
		to := model.Destination{Host: vh.service.Host, Namespace: vh.service.Namespace, Port: vh.at.Port, Weight: 1}
		step.Targets = e.targets(vh.at.Proxy, model.HTTPRoute{Destinations: []model.Destination{to}}, nil, v)
		return step
	}
	step.Status, step.Details, step.Reason = 404, "route_not_found", "no route matches"
	return step
}

// candidate is one route in the order in which a proxy tries them.
type candidate struct {
	table *model.RouteTable
	route model.HTTPRoute
	holds bool // some match can hold at this proxy
}

// name is %ROUTE_NAME%: a delegate's routes have its name, and a match that has
// one adds its own.
func (c candidate) name(match *model.HTTPMatch) string {
	table := c.table.Object
	if c.route.From != nil {
		table = *c.route.From
	}
	name := table.Key() + "/" + c.route.Name
	if match != nil && match.Name != "" {
		name += "." + match.Name
	}
	return name
}

// candidates puts the routes of several tables in one order. A table ends with
// what takes everything; that comes after all tables, lest one hide another.
func candidates(vh virtualHost) []candidate {
	var out, last []candidate
	for _, t := range vh.tables {
		for _, r := range t.HTTP {
			some, all := divide(t, r, vh.at)
			if some != nil {
				out = append(out, *some)
			}
			if all != nil {
				last = append(last, *all)
				break
			}
		}
	}
	return append(out, last...)
}

// divide parts a route's match that takes everything from those before it.
func divide(t *model.RouteTable, r model.HTTPRoute, at Place) (some, all *candidate) {
	c := candidate{table: t, route: r}
	if len(r.Matches) == 0 {
		c.holds = true
		return nil, &c
	}
	some, c.route.Matches = &c, nil
	for _, m := range r.Matches {
		holds := onProxy(m, at) == ""
		if holds && takesAll(m, at) {
			catch := candidate{table: t, route: r, holds: true}
			catch.route.Matches = []model.HTTPMatch{m}
			all = &catch
			break
		}
		c.route.Matches, c.holds = append(c.route.Matches, m), c.holds || holds
	}
	if len(c.route.Matches) == 0 {
		some = nil
	}
	return some, all
}

// takesAll tells whether no request fails a match at a place. Where no token is
// verified, no claim is there that must not be.
func takesAll(m model.HTTPMatch, at Place) bool {
	if slices.Contains(at.Gateways, model.MeshGateway) {
		m.Claims = nil
	}
	anyPath := m.Path == nil || m.Path.Kind == model.Present || m.Path.Kind == model.Regex && m.Path.Value == ".*" ||
		m.Path.Kind == model.Prefix && (m.Path.Value == "/" || m.Path.Value == "")
	return anyPath && m.Method == nil && m.Scheme == nil && m.Authority == nil && len(m.Headers)+len(m.Query)+len(m.Claims) == 0
}

// firstMatch gives the match that holds, nil where the route has none and
// takes everything; or why all fail.
func firstMatch(r model.HTTPRoute, at Place, v View) (match *model.HTTPMatch, why string) {
	var whys []string
	for i, m := range r.Matches {
		ok, why := MatchRoute(m, at, v)
		if ok {
			return &r.Matches[i], ""
		}
		whys = append(whys, fmt.Sprintf("match[%d]: %s", i, why))
	}
	return nil, strings.Join(whys, "; ")
}

// take fills a step with what a matching route does.
func (e *explainer) take(step *RouteStep, r model.HTTPRoute, match *model.HTTPMatch, at Place, v View) {
	step.Matched = describeMatch(match)
	step.Reason = "the first route that matches"
	step.Fault, step.Timeout, step.Response = r.Fault, r.Timeout, r.Headers.Response
	switch {
	case r.Redirect != nil:
		step.Reason = "the route redirects"
		step.Status, step.Details, step.Location = r.Redirect.Code, "direct_response", location(*r.Redirect, match, at, v)
	case r.Direct != nil:
		step.Reason = "the route answers itself"
		step.Status, step.Details, step.Direct = r.Direct.Status, "direct_response", r.Direct
		if s := r.Direct.Status; s == 201 || s/100 == 3 { // Envoy has a Location for each of these
			step.Location = location(model.Redirect{}, nil, at, v)
		}
	default:
		step.Retries = e.snap.Mesh.Retries.Attempts
		if r.Retries != nil {
			step.Retries = r.Retries.Attempts
		}
		step.CORS = r.CORS
		step.Targets = e.targets(at.Proxy, r, match, v)
		for _, m := range r.Mirrors {
			if m.Percent > 0 {
				step.Mirrors = append(step.Mirrors, Mirror{clusterName(m.Destination), m.Percent})
			}
		}
	}
}

// describeMatch says what a match wants of a request, on one line.
func describeMatch(m *model.HTTPMatch) string {
	if m == nil {
		return "every request"
	}
	var parts []string
	add := func(name string, s *model.StringMatch) {
		if s != nil {
			parts = append(parts, name+" "+Describe(*s))
		}
	}
	add("path", m.Path)
	add("method", m.Method)
	add("scheme", m.Scheme)
	add("authority", m.Authority)
	for _, h := range m.Headers {
		not := ""
		if h.Not {
			not = "not "
		}
		parts = append(parts, "header "+h.Name+" "+not+Describe(h.Match))
	}
	for _, q := range m.Query {
		parts = append(parts, "query "+q.Name+" "+Describe(q.Match))
	}
	for _, c := range m.Claims {
		parts = append(parts, "claim "+describeClaim(c))
	}
	if len(parts) == 0 {
		return "every request"
	}
	return strings.Join(parts, ", ")
}
