package lower

import (
	"net/netip"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/krater-mesh/krater/model"
)

// cidrContains is net.cidr_contains(block, address).
func cidrContains(c call) []outcome {
	l, ok := c.args[1].(leaf)
	if !ok || l.kind != kindAddress {
		return c.stop("a text of the request is read as an address")
	}
	g, ok := ground(c.args[0])
	if !ok {
		return c.stop("a block that is made of the request")
	}
	s, _ := g.(ast.String)
	block, err := netip.ParsePrefix(string(s))
	if err != nil {
		return nil // the built-in fails: it is undefined
	}
	if block.Addr().Is4In6() || block.Addr().Zone() != "" || block.Addr().Is6() && block.Overlaps(mapped) {
		return c.stop("a block of IPv4 addresses that are written as IPv6")
	}
	c.m.guard(newTest(l.in, model.TestCIDR, mapped.String())) // OPA takes these for IPv4 addresses
	yes := newTest(l.in, model.TestCIDR, block.Masked().String())
	return relation(yes, and(present(l), not(yes)))
}

// mapped are IPv4 addresses that are written as IPv6.
var mapped = netip.MustParsePrefix("::ffff:0:0/96")
