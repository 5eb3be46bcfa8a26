package lowered_test

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	xdscorev3 "github.com/cncf/xds/go/xds/core/v3"
	matcherv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	rbacconfigv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	networkv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/matching/common_inputs/network/v3"
	ipv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/matching/input_matchers/ip/v3"
	metadatav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/matching/input_matchers/metadata/v3"
	envoymatcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/proto"
)

// view is what a request is to matchers; a nil text is absent.
type view struct {
	headers map[string]string
	path    string
	address string
	role    *string // a claim that is a text
}

// interpreter does with a matcher what Envoy 1.40 does, as far as lowered rules
// have need of it.
type interpreter struct {
	t testing.TB
	v view
}

// match gives the name of the action; false: nothing matches.
func (i interpreter) match(m *matcherv3.Matcher) (string, bool) {
	switch kind := m.MatcherType.(type) {
	case *matcherv3.Matcher_MatcherList_:
		for _, row := range kind.MatcherList.Matchers {
			if i.predicate(row.Predicate) {
				if name, ok := i.onMatch(row.OnMatch); ok {
					return name, true
				}
			}
		}
	case *matcherv3.Matcher_MatcherTree_:
		if name, ok := i.tree(kind.MatcherTree); ok {
			return name, true
		}
	}
	return i.onMatch(m.OnNoMatch)
}

func (i interpreter) onMatch(o *matcherv3.Matcher_OnMatch) (string, bool) {
	if o == nil {
		return "", false
	}
	if inner := o.GetMatcher(); inner != nil {
		return i.match(inner)
	}
	return unpack(i.t, o.GetAction(), &rbacconfigv3.Action{}).Name, true
}

// tree tries the branch that fits best first, and wider ones where it misses.
func (i interpreter) tree(tree *matcherv3.Matcher_MatcherTree) (string, bool) {
	value, there := i.text(tree.Input)
	if !there {
		return "", false
	}
	var branches []*matcherv3.Matcher_OnMatch
	switch kind := tree.TreeType.(type) {
	case *matcherv3.Matcher_MatcherTree_ExactMatchMap:
		branches = append(branches, kind.ExactMatchMap.Map[value])
	case *matcherv3.Matcher_MatcherTree_PrefixMatchMap:
		for n := len(value); n > 0; n-- {
			branches = append(branches, kind.PrefixMatchMap.Map[value[:n]])
		}
	case *matcherv3.Matcher_MatcherTree_CustomMatch:
		ranges := unpack(i.t, kind.CustomMatch, &matcherv3.IPMatcher{}).RangeMatchers
		slices.SortFunc(ranges, func(a, b *matcherv3.IPMatcher_IPRangeMatcher) int {
			return int(b.Ranges[0].PrefixLen.GetValue()) - int(a.Ranges[0].PrefixLen.GetValue())
		})
		for _, r := range ranges {
			if within(value, r.Ranges[0].AddressPrefix, r.Ranges[0].PrefixLen.GetValue()) {
				branches = append(branches, r.OnMatch)
			}
		}
	}
	for _, b := range branches {
		if name, ok := i.onMatch(b); ok {
			return name, true
		}
	}
	return "", false
}

func within(address, network string, bits uint32) bool {
	a, err := netip.ParseAddr(address)
	return err == nil && netip.PrefixFrom(netip.MustParseAddr(network), int(bits)).Contains(a)
}

func (i interpreter) predicate(p *matcherv3.Matcher_MatcherList_Predicate) bool {
	switch kind := p.MatchType.(type) {
	case *matcherv3.Matcher_MatcherList_Predicate_AndMatcher:
		return !slices.ContainsFunc(kind.AndMatcher.Predicate, func(p *matcherv3.Matcher_MatcherList_Predicate) bool { return !i.predicate(p) })
	case *matcherv3.Matcher_MatcherList_Predicate_OrMatcher:
		return slices.ContainsFunc(kind.OrMatcher.Predicate, i.predicate)
	case *matcherv3.Matcher_MatcherList_Predicate_NotMatcher:
		return !i.predicate(kind.NotMatcher)
	}
	s := p.GetSinglePredicate()
	if custom := s.GetCustomMatch(); custom != nil && custom.TypedConfig.MessageIs(&metadatav3.Metadata{}) {
		return i.claim(unpack(i.t, custom, &metadatav3.Metadata{}).Value)
	}
	value, there := i.text(s.Input)
	if !there {
		return false
	}
	if custom := s.GetCustomMatch(); custom != nil {
		return inNetworks(value, unpack(i.t, custom, &ipv3.Ip{}))
	}
	switch m := s.GetValueMatch().MatchPattern.(type) {
	case *matcherv3.StringMatcher_Exact:
		return value == m.Exact
	case *matcherv3.StringMatcher_Prefix:
		return strings.HasPrefix(value, m.Prefix)
	case *matcherv3.StringMatcher_Suffix:
		return strings.HasSuffix(value, m.Suffix)
	case *matcherv3.StringMatcher_Contains:
		return strings.Contains(value, m.Contains)
	case *matcherv3.StringMatcher_SafeRegex:
		return wholly(m.SafeRegex.Regex, value)
	}
	i.t.Fatalf("a matcher that is not known: %v", s)
	return false
}

func inNetworks(value string, networks *ipv3.Ip) bool {
	for _, c := range networks.CidrRanges {
		if within(value, c.AddressPrefix, c.PrefixLen.GetValue()) {
			return true
		}
	}
	return false
}

func (i interpreter) claim(m *envoymatcherv3.ValueMatcher) bool {
	if or := m.GetOrMatch(); or != nil {
		return slices.ContainsFunc(or.ValueMatchers, i.claim)
	}
	if i.v.role == nil {
		return false
	}
	switch s := m.GetStringMatch(); kind := s.GetMatchPattern().(type) {
	case *envoymatcherv3.StringMatcher_Exact:
		return *i.v.role == kind.Exact
	case *envoymatcherv3.StringMatcher_Prefix:
		return strings.HasPrefix(*i.v.role, kind.Prefix)
	case *envoymatcherv3.StringMatcher_SafeRegex:
		return wholly(kind.SafeRegex.Regex, *i.v.role)
	}
	i.t.Fatalf("a matcher that is not known: %v", m)
	return false
}

func wholly(re, value string) bool { return regexp.MustCompile("^(?:" + re + ")$").MatchString(value) }

// text reads an input.
func (i interpreter) text(input *xdscorev3.TypedExtensionConfig) (string, bool) {
	m, err := input.TypedConfig.UnmarshalNew()
	if err != nil {
		i.t.Fatal(err)
	}
	switch m := m.(type) {
	case *envoymatcherv3.HttpRequestHeaderMatchInput:
		v, ok := i.v.headers[m.HeaderName]
		return v, ok
	case *networkv3.DirectSourceIPInput:
		return i.v.address, true
	case *networkv3.FilterStateInput:
		switch {
		case m.Key == "krater.path":
			return i.v.path, true
		case m.Key == "krater.claim.role" && i.v.role != nil && *i.v.role != "":
			return *i.v.role, true
		case m.Key == "krater.claim.role":
			return "", false
		}
	}
	i.t.Fatalf("an input that is not known: %v", m)
	return "", false
}

func unpack[M proto.Message](t testing.TB, c *xdscorev3.TypedExtensionConfig, m M) M {
	if err := c.TypedConfig.UnmarshalTo(m); err != nil {
		t.Fatal(err)
	}
	return m
}
