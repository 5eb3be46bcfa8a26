package translate

import (
	"net/netip"
	"slices"

	"github.com/krater-mesh/krater/model"
)

// call is what decides which rule for connections holds.
type call struct {
	namespace string // the caller's, and its labels
	labels    map[string]string
	gateways  []string
	port      uint32
	addresses []string // that the called name stands for; none: unknown
}

// holds tells whether a match is for such calls, but for its server names.
func (c call) holds(m model.L4Match) bool {
	if m.Port != 0 && m.Port != c.port || m.SourceNamespace != "" && m.SourceNamespace != c.namespace {
		return false
	}
	if !model.HasLabels(c.labels, m.SourceLabels) {
		return false
	}
	if len(m.Gateways) > 0 && !slices.ContainsFunc(m.Gateways, func(g string) bool { return slices.Contains(c.gateways, g) }) {
		return false
	}
	return len(m.Subnets) == 0 || slices.ContainsFunc(c.addresses, func(a string) bool { return within(m.Subnets, a) })
}

// within tells whether an address, or a range, is inside one of the ranges.
func within(ranges []string, address string) bool {
	inner, err := prefix(address)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(ranges, func(r string) bool {
		outer, err := prefix(r)
		return err == nil && outer.Bits() <= inner.Bits() && outer.Contains(inner.Addr())
	})
}

// prefix reads an address or a range.
func prefix(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.Prefix(a.BitLen())
	}
	return netip.ParsePrefix(s)
}

// sourceRoute is a rule with the range of callers that it is for; "" is any.
type sourceRoute struct {
	source string
	route  model.L4Route
}

// tcpRoutes are the TCP rules that hold, in their order, up to the first for
// all callers.
func (c call) tcpRoutes(tables []*model.RouteTable) []sourceRoute {
	var out []sourceRoute
	for _, t := range tables {
		for _, r := range t.TCP {
			if len(r.Matches) == 0 {
				return append(out, sourceRoute{route: r})
			}
			for _, m := range r.Matches {
				if !c.holds(m) {
					continue
				}
				out = append(out, sourceRoute{m.SourceSubnet, r})
				if m.SourceSubnet == "" {
					return out
				}
			}
		}
	}
	return out
}

// serverNameRoute is a server name with the rule that takes it.
type serverNameRoute struct {
	name  string
	route model.L4Route
}

// tlsRoutes are the server names of the TLS rules that hold, in their order.
// A name that an earlier one covers is never reached, and left out.
func (c call) tlsRoutes(tables []*model.RouteTable) []serverNameRoute {
	var out []serverNameRoute
	for _, t := range tables {
		for _, r := range t.TLS {
			for _, m := range r.Matches {
				if !c.holds(m) || m.SourceSubnet != "" {
					continue
				}
				for _, name := range m.SNI {
					covered := func(s serverNameRoute) bool { return model.HostMatches(s.name, name) }
					if !slices.ContainsFunc(out, covered) {
						out = append(out, serverNameRoute{name, r})
					}
				}
			}
		}
	}
	return out
}

// l4Tables are those of a list that have rules for connections.
func l4Tables(tables []*model.RouteTable) []*model.RouteTable {
	var out []*model.RouteTable
	for _, t := range tables {
		if len(t.TLS)+len(t.TCP) > 0 {
			out = append(out, t)
		}
	}
	return out
}

// closestTables keeps those that cover a service's host best: the host itself
// before a wildcard, a longer wildcard before a shorter one.
func closestTables(tables []*model.RouteTable, host string) []*model.RouteTable {
	var out []*model.RouteTable
	best := -1
	for _, t := range tables {
		fit := -1
		for _, h := range t.Hosts {
			if model.HostMatches(h, host) {
				fit = max(fit, specificity(h))
			}
		}
		switch {
		case fit > best:
			out, best = []*model.RouteTable{t}, fit
		case fit == best && fit >= 0:
			out = append(out, t)
		}
	}
	return out
}

// tablesWithin are those that are for a part of a wildcard service's hosts.
func tablesWithin(tables []*model.RouteTable, host string) []*model.RouteTable {
	var out []*model.RouteTable
	for _, t := range tables {
		if slices.ContainsFunc(t.Hosts, func(h string) bool { return h != host && model.HostMatches(host, h) }) {
			out = append(out, t)
		}
	}
	return out
}

// l4AsksLabels tells whether a rule for connections is for callers with labels.
func l4AsksLabels(t *model.RouteTable) bool {
	asks := func(r model.L4Route) bool {
		return slices.ContainsFunc(r.Matches, func(m model.L4Match) bool { return len(m.SourceLabels) > 0 })
	}
	return slices.ContainsFunc(t.TCP, asks) || slices.ContainsFunc(t.TLS, asks)
}
