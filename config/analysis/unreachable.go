package analysis

import (
	"slices"
	"strings"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// rule is an HTTP route as it was declared.
type rule struct {
	object  model.Ref
	field   string
	matches []model.HTTPMatch // never none: one without conditions stands for none
	bare    bool              // it has none
	// leaves: it delegates, so what the delegate does not take is left to the
	// rules after it.
	leaves bool
}

// rulesOf are a VirtualService's, with the gateways that each match holds for.
func rulesOf(e *crds.Entry, gateways []string) []rule {
	var out []rule
	for i, h := range e.Content.Routes.HTTP {
		_, leaves := e.Content.Delegates[h.Name]
		r := rule{object: e.Ref, field: item("spec.http", i), leaves: leaves, matches: slices.Clone(h.Matches)}
		if r.bare = len(r.matches) == 0; r.bare {
			r.matches = []model.HTTPMatch{{}}
		}
		for j := range r.matches {
			own := slices.Clone(r.matches[j].Gateways)
			for k, g := range own {
				own[k] = gatewayKey(g, e.Ref.Namespace)
			}
			if r.matches[j].Gateways = own; len(own) == 0 {
				r.matches[j].Gateways = gateways
			}
		}
		out = append(out, r)
	}
	return out
}

func gatewayKey(name, namespace string) string {
	if name == model.MeshGateway {
		return name
	}
	ns, n := model.ParseKey(name, namespace)
	return model.Ref{Namespace: ns, Name: n}.Key()
}

// coveredBy finds a rule before the given one that takes all that a match
// matches.
func coveredBy(m model.HTTPMatch, before []rule) *rule {
	for i := range before {
		if before[i].leaves {
			continue
		}
		for _, a := range before[i].matches {
			if covers(a, m) {
				return &before[i]
			}
		}
	}
	return nil
}

// unreachableRules looks for rules, and for matches, that rules before them
// take all requests of.
func unreachableRules(r *run) {
	for _, e := range r.Entries {
		if e.Content.Routes == nil {
			continue
		}
		rules := rulesOf(e, tableGateways(e))
		for i := range rules {
			r.reachable(rules[i], rules[:i])
		}
		r.unreachableL4(e, e.Content.Routes.TLS, "spec.tls")
		r.unreachableL4(e, e.Content.Routes.TCP, "spec.tcp")
	}
}

func tableGateways(e *crds.Entry) []string {
	var out []string
	for _, g := range e.Content.Routes.Gateways {
		out = append(out, gatewayKey(g, e.Ref.Namespace))
	}
	return out
}

func (r *run) reachable(one rule, before []rule) {
	var by []string
	taken := map[int]string{}
	for j, m := range one.matches {
		if other := coveredBy(m, before); other != nil {
			taken[j] = other.field
			if !slices.Contains(by, other.field) {
				by = append(by, other.field)
			}
		}
	}
	if len(taken) == len(one.matches) {
		r.warn(one.object, model.CodeUnreachable, one.field, "move it before, or let what takes its requests match less",
			"no request gets here: %s takes them all", strings.Join(by, " and "))
		return
	}
	for j, m := range one.matches {
		same := slices.IndexFunc(one.matches[:j], func(a model.HTTPMatch) bool { return covers(a, m) })
		switch {
		case taken[j] != "":
			r.inform(one.object, model.CodeIneffective, item(one.field+".match", j), "remove it", "%s takes all requests that it matches", taken[j])
		case same >= 0:
			r.inform(one.object, model.CodeIneffective, item(one.field+".match", j), "remove it", "%s matches all that it matches", item(one.field+".match", same))
		}
	}
}

// unreachableL4 looks for rules of connections that stand twice, or behind one
// that takes all. A proxy prefers the narrower of two server names, so one
// name hides only itself.
func (r *run) unreachableL4(e *crds.Entry, routes []model.L4Route, field string) {
	for i := range routes {
		for k := range routes[:i] {
			if takesAll(routes[k], routes[i]) {
				r.warn(e.Ref, model.CodeUnreachable, item(field, i), "remove one of the two, or let them match different connections",
					"no connection gets here: %s takes them all", item(field, k))
				break
			}
		}
	}
}

func takesAll(a, b model.L4Route) bool {
	if len(a.Matches) == 0 {
		return true
	}
	for _, m := range b.Matches {
		if !slices.ContainsFunc(a.Matches, func(x model.L4Match) bool { return coversL4(x, m) }) {
			return false
		}
	}
	return len(b.Matches) > 0
}

func coversL4(a, b model.L4Match) bool {
	return containsAll(a.SNI, b.SNI) && (len(a.SNI) == 0) == (len(b.SNI) == 0) &&
		(len(a.Subnets) == 0 || len(b.Subnets) > 0 && containsAll(a.Subnets, b.Subnets)) &&
		(a.Port == 0 || a.Port == b.Port) && (a.SourceSubnet == "" || a.SourceSubnet == b.SourceSubnet) &&
		(a.SourceNamespace == "" || a.SourceNamespace == b.SourceNamespace) &&
		model.HasLabels(b.SourceLabels, a.SourceLabels) &&
		(len(a.Gateways) == 0 || len(b.Gateways) > 0 && containsAll(a.Gateways, b.Gateways))
}
