package analysis

import (
	"slices"

	"github.com/krater-mesh/krater/model"
)

// joinedHosts looks at gateway hosts that several VirtualServices route: their
// rules are joined, the oldest object's first, and those for everything last.
func joinedHosts(r *run) {
	told := map[string]bool{}
	for _, g := range r.Snapshot.Gateways {
		tables := r.bound(g)
		for _, s := range g.Servers {
			for _, host := range hostsOf(tables) {
				r.joinedHost(g, s, host, tables, told)
			}
		}
	}
}

// bound are the tables that hold at some workload of a gateway.
func (r *run) bound(g *model.Gateway) []*model.RouteTable {
	var out []*model.RouteTable
	for _, t := range r.Snapshot.Routes {
		if len(t.HTTP) > 0 && slices.Contains(t.Gateways, g.Object.Key()) && slices.ContainsFunc(r.Snapshot.Workloads, func(w model.Workload) bool {
			return w.Gateway && g.Selector.Matches(w) && model.Exported(t.ExportTo, t.Object.Namespace, w.Namespace)
		}) {
			out = append(out, t)
		}
	}
	return out
}

// hostsOf are those that several tables have.
func hostsOf(tables []*model.RouteTable) []string {
	count := map[string]int{}
	var out []string
	for _, t := range tables {
		for _, h := range t.Hosts {
			if count[h]++; count[h] == 2 {
				out = append(out, h)
			}
		}
	}
	return out
}

func (r *run) joinedHost(g *model.Gateway, s model.GatewayServer, host string, tables []*model.RouteTable, told map[string]bool) {
	var before []rule
	for _, t := range tables {
		e := r.entries[t.Object]
		if e == nil || !slices.Contains(t.Hosts, host) || !takes(s, host, t.Object.Namespace) {
			continue
		}
		own := forPort(rulesOf(e, t.Gateways), g.Object.Key(), s.Port)
		for _, one := range own {
			id := one.object.String() + one.field
			if other := takenBefore(one, before); other != nil && !told[id] {
				told[id] = true
				r.warn(one.object, model.CodeUnreachable, one.field, "merge the two, or let them match different requests",
					"no request for %s to port %d of the gateway %s gets here: %s of %s comes first, and takes them all",
					host, s.Port, g.Object.Key(), other.field, other.object)
			}
		}
		before = append(before, own...)
	}
}

// forPort keeps the matches that hold for a port of a gateway, and the rules
// that have some.
func forPort(rules []rule, gateway string, port uint32) []rule {
	var out []rule
	for _, one := range rules {
		one.matches = slices.DeleteFunc(slices.Clone(one.matches), func(m model.HTTPMatch) bool {
			return !slices.Contains(m.Gateways, gateway) || m.Port != 0 && m.Port != port
		})
		for i := range one.matches {
			one.matches[i].Gateways, one.matches[i].Port = nil, 0
		}
		if len(one.matches) > 0 {
			out = append(out, one)
		}
	}
	return out
}

// takenBefore finds a rule of an older object that leaves nothing to this one.
// One for everything comes after all that ask for something.
func takenBefore(one rule, before []rule) *rule {
	var by *rule
	for _, m := range one.matches {
		list := before
		if !catchAll(m) {
			list = slices.DeleteFunc(slices.Clone(before), func(b rule) bool { return slices.ContainsFunc(b.matches, catchAll) })
		}
		if by = coveredBy(m, list); by == nil {
			return nil
		}
	}
	return by
}

func catchAll(m model.HTTPMatch) bool {
	m.Gateways = nil
	return covers(m, model.HTTPMatch{})
}
