package translate

import (
	"slices"

	"github.com/krater-mesh/krater/model"
)

// RouteChoice is one route as one proxy has it.
type RouteChoice struct {
	Table *model.RouteTable // nil: the default route
	Route model.HTTPRoute   // Matches: only those that can hold at this proxy
	Name  string            // %ROUTE_NAME%
}

// RoutesFor gives the routes of a sidecar for a host's port, in the order in
// which they are tried. Where no table has a route for this proxy, it is the
// default route to the service; where there is no service either, none.
func RoutesFor(snap *model.Snapshot, w model.Workload, host string, port uint32) []RouteChoice {
	r := NewCompiler(Options{}).round(snap, nil)
	known := r.scope(r.classOf(&w))
	in := hostInput{tables: r.tables.imported(known, w.Namespace).closest(host, known.at(port)), port: model.Port{Number: port},
		gateways: []string{model.MeshGateway}, namespace: w.Namespace, labels: w.Labels, service: known.byHost[host]}
	return in.choices()
}

// specificity orders host patterns: "*", longer wildcards, plain hosts.
func specificity(pattern string) int {
	const plain = 1 << 20
	if pattern[0] != '*' {
		return plain
	}
	return len(pattern)
}

// choices puts the routes of several tables in one order. Those that take
// everything come last, lest one table hide another.
func choices(tables []*model.RouteTable, w model.Workload, port uint32, gateways []string) []RouteChoice {
	var out, last []RouteChoice
	for _, t := range tables {
		for _, r := range t.HTTP {
			c, ok := choose(t, r, w, port, gateways)
			switch {
			case !ok:
			case len(tables) > 1 && takesAll(c.Route):
				last = append(last, c)
			default:
				out = append(out, c)
			}
		}
	}
	return append(out, last...)
}

// choose keeps the matches of a route that can hold at this proxy.
func choose(t *model.RouteTable, r model.HTTPRoute, w model.Workload, port uint32, gateways []string) (RouteChoice, bool) {
	c := RouteChoice{Table: t, Route: r, Name: RouteName(t.Object, r.Name)}
	if len(r.Matches) == 0 {
		return c, true
	}
	c.Route.Matches = nil
	for _, m := range r.Matches {
		named := func(g string) bool { return slices.Contains(gateways, g) }
		if (m.Port != 0 && m.Port != port) ||
			!model.HasLabels(w.Labels, m.SourceLabels) ||
			(m.SourceNamespace != "" && m.SourceNamespace != w.Namespace) ||
			(len(m.Gateways) > 0 && !slices.ContainsFunc(m.Gateways, named)) {
			continue
		}
		c.Route.Matches = append(c.Route.Matches, m)
	}
	return c, len(c.Route.Matches) > 0
}

// takesAll tells whether no request passes a route by.
func takesAll(r model.HTTPRoute) bool {
	return len(r.Matches) == 0 || slices.ContainsFunc(r.Matches, func(m model.HTTPMatch) bool {
		anyPath := m.Path == nil || (m.Path.Kind == model.Prefix && m.Path.Value == "/") || m.Path.Kind == model.Present
		return anyPath && m.Method == nil && m.Scheme == nil && m.Authority == nil && len(m.Headers) == 0 && len(m.Query) == 0
	})
}
