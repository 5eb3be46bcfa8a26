package redirect

import (
	"net/netip"
	"slices"
)

// Where rules stand.
const (
	output  = "output"  // what this machine sends
	inbound = "inbound" // what it gets, and what its proxy sends to it
)

// What becomes of a packet: it is left alone, sent to a port of this machine,
// or held against the inbound rules.
type verdict struct {
	port uint16
	to   string
}

var alone, toInbound = verdict{}, verdict{to: inbound}

func toPort(n uint16) verdict { return verdict{port: n} }

// rule holds for a packet that has one of each list; an empty list asks for
// nothing. Addresses of two families make it two rules.
type rule struct {
	why      string
	protocol string // "tcp" or "udp"; empty: both
	in, out  []string
	from, to []netip.Prefix
	notTo    netip.Prefix // zero: none
	ports    []uint16
	uids     []uint32
	gids     []uint32
	then     verdict
}

var (
	loopback  = netip.MustParsePrefix("127.0.0.0/8")
	loopback6 = netip.MustParsePrefix("::1/128")
	// What a sidecar calls its application from.
	appSource  = netip.MustParsePrefix("127.0.0.6/32")
	appSource6 = netip.MustParsePrefix("::6/128")
	lo         = []string{"lo"}
)

// rules are those of a chain, in their order: the first that holds decides.
func (c Config) rules(chain string) []rule {
	if chain == inbound {
		return c.inboundRules()
	}
	return c.outputRules()
}

func (c Config) outputRules() []rule {
	var out []rule
	if len(c.ExcludeInterfaces) > 0 {
		out = append(out, rule{why: "excluded interfaces", out: c.ExcludeInterfaces, then: alone})
	}
	out = append(out, rule{why: "the sidecar calls its application", out: lo, from: []netip.Prefix{appSource, appSource6}, then: alone})
	for _, owner := range c.owners() {
		for _, local := range []netip.Prefix{loopback, loopback6} {
			out = append(out, rule{why: "the sidecar calls this machine by one of its addresses, as any caller would",
				protocol: "tcp", out: lo, notTo: local, uids: owner.uids, gids: owner.gids, then: toInbound})
		}
	}
	for _, owner := range c.owners() {
		out = append(out, rule{why: "the sidecar's own calls", uids: owner.uids, gids: owner.gids, then: alone})
	}
	if resolvers := single(c.Resolvers); len(resolvers) > 0 {
		for _, protocol := range []string{"udp", "tcp"} {
			out = append(out, rule{why: "lookups", protocol: protocol, to: resolvers, ports: []uint16{53}, then: toPort(DNSPort)})
		}
	}
	out = append(out,
		rule{why: "the application calls itself", out: lo, then: alone},
		rule{why: "loopback addresses", to: []netip.Prefix{loopback, loopback6}, then: alone})
	if len(c.ExcludeOutboundPorts) > 0 {
		out = append(out, rule{why: "excluded ports", protocol: "tcp", ports: c.ExcludeOutboundPorts, then: alone})
	}
	if x := c.ExcludeOutboundRanges; x.All || len(x.List) > 0 {
		out = append(out, rule{why: "excluded ranges", to: x.List, then: alone})
	}
	if x := c.IncludeOutboundPorts; x.All || len(x.List) > 0 {
		out = append(out, rule{why: "included ports", protocol: "tcp", ports: x.List, then: toPort(c.OutboundPort)})
	}
	if x := c.IncludeOutboundRanges; x.All || len(x.List) > 0 {
		out = append(out, rule{why: "calls", protocol: "tcp", to: x.List, then: toPort(c.OutboundPort)})
	}
	return out
}

func (c Config) inboundRules() []rule {
	var out []rule
	if len(c.ExcludeInterfaces) > 0 {
		out = append(out, rule{why: "excluded interfaces", in: c.ExcludeInterfaces, then: alone})
	}
	around := slices.Compact(slices.Sorted(slices.Values(slices.Concat(agentPorts, c.ExcludeInboundPorts))))
	out = append(out, rule{why: "the agent's ports, and excluded ones", protocol: "tcp", ports: around, then: alone})
	if x := c.IncludeInboundPorts; x.All || len(x.List) > 0 {
		out = append(out, rule{why: "calls from outside", protocol: "tcp", ports: x.List, then: toPort(c.InboundPort)})
	}
	return out
}

// owners are the proxy's users and its groups: a rule asks for one or the other.
func (c Config) owners() []rule {
	var out []rule
	if len(c.UIDs) > 0 {
		out = append(out, rule{uids: c.UIDs})
	}
	if len(c.GIDs) > 0 {
		out = append(out, rule{gids: c.GIDs})
	}
	return out
}

func single(list []netip.Addr) []netip.Prefix {
	var out []netip.Prefix
	for _, a := range list {
		out = append(out, netip.PrefixFrom(a.WithZone("").Unmap(), a.Unmap().BitLen()))
	}
	slices.SortFunc(out, netip.Prefix.Compare)
	return slices.Compact(out)
}

// family gives those of a list that are of a family, and whether a rule with
// that list says anything about it: an empty list is for both.
func family(list []netip.Prefix, v6 bool) ([]netip.Prefix, bool) {
	var out []netip.Prefix
	for _, p := range list {
		if p.Addr().Is6() == v6 {
			out = append(out, p)
		}
	}
	return out, len(list) == 0 || len(out) > 0
}

// in6 is the rule as one family sees it; false: it says nothing about that one.
func (r rule) inFamily(v6 bool) (rule, bool) {
	from, ok1 := family(r.from, v6)
	to, ok2 := family(r.to, v6)
	r.from, r.to = from, to
	ok3 := !r.notTo.IsValid() || r.notTo.Addr().Is6() == v6
	return r, ok1 && ok2 && ok3
}

// addressed tells whether the rule is about addresses, which have a family.
func (r rule) addressed() bool { return len(r.from)+len(r.to) > 0 || r.notTo.IsValid() }
