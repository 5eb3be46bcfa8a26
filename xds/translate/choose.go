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

// choices puts the routes of several tables in one order. A table ends with
// what takes everything; that comes after all tables, lest one hide another.
func choices(tables []*model.RouteTable, w model.Workload, port uint32, gateways []string) []RouteChoice {
	var out, last []RouteChoice
	for _, t := range tables {
		for _, r := range t.HTTP {
			c, ok := choose(t, r, w, port, gateways)
			if !ok {
				continue
			}
			some, all := c.split()
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

// choose keeps the matches of a route that can hold at this proxy.
func choose(t *model.RouteTable, r model.HTTPRoute, w model.Workload, port uint32, gateways []string) (RouteChoice, bool) {
	c := RouteChoice{Table: t, Route: r, Name: RouteName(t, r)}
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
		if named(model.MeshGateway) {
			// A sidecar verifies nobody's token on the way out: no claim is there.
			if slices.ContainsFunc(m.Claims, func(c model.ClaimMatch) bool { return !c.Not }) {
				continue
			}
			m.Claims = nil
		}
		c.Route.Matches = append(c.Route.Matches, m)
	}
	return c, len(c.Route.Matches) > 0
}

// split parts the first match that takes everything from those before it; what
// follows is never reached.
func (c RouteChoice) split() (some, all *RouteChoice) {
	if len(c.Route.Matches) == 0 {
		return nil, &c
	}
	i := slices.IndexFunc(c.Route.Matches, takesAll)
	if i < 0 {
		return &c, nil
	}
	rest := c
	rest.Route.Matches, c.Route.Matches = c.Route.Matches[:i], c.Route.Matches[i:i+1]
	if i == 0 {
		return nil, &c
	}
	return &rest, &c
}

// takesAll tells whether every request has what a match wants.
func takesAll(m model.HTTPMatch) bool {
	anyPath := m.Path == nil
	if !anyPath {
		switch m.Path.Kind {
		case model.Present:
			anyPath = true
		case model.Prefix:
			anyPath = m.Path.Value == "/" || m.Path.Value == ""
		case model.Regex:
			anyPath = m.Path.Value == ".*"
		}
	}
	return anyPath && m.Method == nil && m.Scheme == nil && m.Authority == nil && len(m.Headers)+len(m.Query)+len(m.Claims) == 0
}
