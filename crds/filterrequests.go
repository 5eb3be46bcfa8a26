package crds

import (
	"encoding/json"
	"sort"
	"strings"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/krater-mesh/krater/model"
)

// RequestMatchSpec is met where all that is given is met.
type RequestMatchSpec struct {
	Path    *networking.StringMatch            `json:"path"`    // without the query
	Hosts   []string                           `json:"hosts"`   // any of these; *.SUFFIX too
	Methods []string                           `json:"methods"` // any of these
	Headers map[string]*networking.StringMatch `json:"headers"`
}

// FilterRouteSpec says what a filter does for some requests: nothing, or what
// another configuration says.
type FilterRouteSpec struct {
	Match    RequestMatchSpec `json:"match"`
	Route    string           `json:"route"` // a VirtualService's: NAME, NAMESPACE/NAME or NAMESPACE/NAME/ROUTE
	Disabled bool             `json:"disabled"`
	Config   json.RawMessage  `json:"config"` // in the place of the filter's
}

func (m RequestMatchSpec) empty() bool {
	return m.Path == nil && len(m.Hosts)+len(m.Methods)+len(m.Headers) == 0
}

// validateRequests reports matches that say nothing, and what is no match of
// connections.
func (s *FilterSpec) validateRequests(r *report) {
	if s.Type == "NETWORK" && len(s.Requests)+len(s.Routes) > 0 {
		r.bad("spec.requests", "a NETWORK filter sees bytes, not requests: leave requests and routes out")
	}
	for i, m := range s.Requests {
		if m.empty() {
			r.missing(index("spec.requests", i), "path, hosts, methods or headers? for all requests, leave requests out")
		}
	}
	for i, route := range s.Routes {
		at := index("spec.routes", i)
		if route.Match.empty() && route.Route == "" {
			r.missing(at, "which requests? give match or route")
		}
		if route.Disabled == (len(route.Config) > 0) {
			r.bad(at, "either disabled: true, or a config of its own")
		}
	}
}

// filterRequests reads which requests a filter sees, and where it differs.
func (c *conversion) filterRequests(in *FilterSpec, out *model.FilterBinding) {
	for i, m := range in.Requests {
		out.Requests = append(out.Requests, c.requestMatch(m, index("spec.requests", i)))
	}
	for i, route := range in.Routes {
		at := index("spec.routes", i)
		config, secrets := c.secretRefs(compacted(route.Config), at+".config")
		out.Routes = append(out.Routes, model.FilterRoute{Match: c.requestMatch(route.Match, at+".match"), Route: c.routeName(route.Route, at+".route"),
			Disabled: route.Disabled, Config: config, Secrets: secrets})
	}
}

func (c *conversion) requestMatch(m RequestMatchSpec, field string) model.RequestMatch {
	out := model.RequestMatch{}
	if path := c.optionalMatch(m.Path, field+".path"); path != nil {
		out.Path = *path
		if path.Kind != model.Regex && strings.ContainsAny(path.Value, "?#") {
			c.bad(field+".path", "the path is compared without its query")
		}
	}
	for i, h := range m.Hosts {
		at := index(field+".hosts", i)
		if strings.Contains(h, ":") {
			c.bad(at, "a host is compared without its port")
		} else {
			h = c.host(h, at)
		}
		out.Hosts = append(out.Hosts, strings.ToLower(h))
	}
	for i, method := range m.Methods {
		if method == "" || strings.ToUpper(method) != method || strings.ContainsAny(method, " \t\r\n") {
			c.bad(index(field+".methods", i), "a method is a word of capital letters, like GET")
		}
		out.Methods = append(out.Methods, method)
	}
	names := make([]string, 0, len(m.Headers))
	for name := range m.Headers {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		at, lower := join(field+".headers", name), strings.ToLower(name)
		if !headerName(lower) || strings.HasPrefix(lower, ":") {
			c.bad(at, "no request has a header of this name")
			continue
		}
		if out.Headers == nil {
			out.Headers = map[string]model.StringMatch{}
		}
		out.Headers[lower] = c.stringMatch(m.Headers[name], at)
	}
	return out
}

// routeName completes a VirtualService's name with the object's namespace.
func (c *conversion) routeName(name, field string) string {
	parts := strings.Split(name, "/")
	for _, p := range parts {
		if name != "" && p == "" || len(parts) > 3 {
			c.bad(field, "want NAME, NAMESPACE/NAME or NAMESPACE/NAME/ROUTE")
			return name
		}
	}
	if name != "" && len(parts) == 1 {
		return c.object.Ref.Namespace + "/" + name
	}
	return name
}
