package translate

import (
	"net/netip"

	xdscorev3 "github.com/cncf/xds/go/xds/core/v3"
	matcherv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	networkv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/matching/common_inputs/network/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

// atAnyAddress tells whether nothing but its port, or a server name, tells
// that a connection is meant.
func (c connection) atAnyAddress() bool {
	return len(c.addresses)+len(c.ranges) == 0 && !c.headless
}

// then is what happens to what is known to be for a connection.
func (c connection) then() *matcherv3.Matcher_OnMatch {
	then := toChain(c.chain)
	if names := chainsByName(c.byName); len(names) > 0 {
		then = onTLS(orElse(serverNameInput, names, then), then)
	}
	if c.protocol == model.Auto {
		then = onHTTP(toChain(chainHTTP), then)
	}
	return then
}

// portMatcher chooses among the connections of one port: by range of
// addresses, then TLS by its server name, then HTTP, then the first that
// nothing tells.
func portMatcher(list []connection, http bool) *matcherv3.Matcher {
	rest, names, found := toChain(chainOther), []named(nil), false
	for _, c := range list {
		names = append(names, chainsByName(c.byName)...)
		if c.atAnyAddress() && !c.protocol.IsTLS() && !found {
			rest, found = toChain(c.chain), true
		}
	}
	for _, c := range list {
		for _, host := range c.hosts {
			names = append(names, named{name: host, then: toChain(c.chain)})
		}
	}
	tls := rest
	if http {
		rest = onHTTP(toChain(chainHTTP), rest)
	}
	if len(names) > 0 {
		rest = onTLS(orElse(serverNameInput, names, tls), rest)
	}
	return asMatcher(inRanges(list, rest))
}

// inRanges tells by the address that was called. The narrowest range holds.
func inRanges(list []connection, otherwise *matcherv3.Matcher_OnMatch) *matcherv3.Matcher_OnMatch {
	ips := &matcherv3.IPMatcher{}
	for _, c := range list {
		m := &matcherv3.IPMatcher_IPRangeMatcher{OnMatch: c.then()}
		for _, r := range c.ranges {
			if p, err := netip.ParsePrefix(r); err == nil {
				m.Ranges = append(m.Ranges, &xdscorev3.CidrRange{AddressPrefix: p.Masked().Addr().String(), PrefixLen: wrapperspb.UInt32(uint32(p.Bits()))})
			}
		}
		if len(m.Ranges) > 0 {
			ips.RangeMatchers = append(ips.RangeMatchers, m)
		}
	}
	if len(ips.RangeMatchers) == 0 {
		return otherwise
	}
	return nested(&matcherv3.Matcher{
		MatcherType: &matcherv3.Matcher_MatcherTree_{MatcherTree: &matcherv3.Matcher_MatcherTree{
			Input:    typed("destination", &networkv3.DestinationIPInput{}),
			TreeType: &matcherv3.Matcher_MatcherTree_CustomMatch{CustomMatch: typed("envoy.matching.custom_matchers.trie_matcher", ips)},
		}},
		OnNoMatch: otherwise,
	})
}
