package translate

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	xdscorev3 "github.com/cncf/xds/go/xds/core/v3"
	matcherv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	networkv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/matching/common_inputs/network/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

// seenMatcher chooses where the inside of a tunnel goes after its first bytes.
// In order: the name that CONNECT asked for is that of a port that is not
// HTTP: there, a TLS port by server name, an undeclared one by whether it is
// HTTP; TLS: by its server name; anything else is HTTP (1.1 or 2, the
// connection manager knows), routed by its own Host as plain requests are.
func seenMatcher(list []connection, anything bool) *matcherv3.Matcher {
	var names []named
	var anywhere []named // by server name alone
	for _, c := range list {
		if c.protocol == model.TCP {
			continue
		}
		then, byName := toChain(c.chain), chainsByName(c.byName)
		if len(byName) > 0 {
			then = onTLS(orElse(serverNameInput, byName, then), then)
		}
		if c.protocol == model.Auto {
			then = onHTTP(toChain(chainHTTP), then)
		}
		names = append(names, namesOf(c, then)...)
		anywhere = append(anywhere, byName...)
	}
	for _, c := range list {
		for _, host := range c.hosts {
			anywhere = append(anywhere, named{name: host, then: toChain(c.chain)})
		}
	}
	rest := toChain(chainHTTP)
	if anything {
		rest = onHTTP(toChain(chainHTTP), toChain(chainOther))
	}
	if len(anywhere) > 0 {
		rest = onTLS(orElse(serverNameInput, anywhere, rest), rest)
	}
	return asMatcher(orElse(authorityInput, names, rest))
}

// unseenMatcher goes by the name that CONNECT asked for alone.
func unseenMatcher(list []connection) *matcherv3.Matcher {
	var names []named
	for _, c := range list {
		if c.protocol == model.TCP {
			names = append(names, namesOf(c, toChain(c.chain))...)
		}
	}
	return asMatcher(orElse(authorityInput, names, toChain(chainOther)))
}

// named is what happens with a name: exact, "*.suffix", or a regex.
type named struct {
	name, regex string
	then        *matcherv3.Matcher_OnMatch
}

func namesOf(c connection, then *matcherv3.Matcher_OnMatch) []named {
	var out []named
	for _, name := range c.names {
		out = append(out, named{name: name, then: then})
	}
	for _, r := range c.ranges {
		if regex, ok := rangeRegex(r, c.port); ok {
			out = append(out, named{regex: regex, then: then})
		}
	}
	return out
}

func chainsByName(list []serverName) []named {
	var out []named
	for _, s := range list {
		out = append(out, named{name: s.name, then: toChain(s.chain)})
	}
	return out
}

var (
	authorityInput  = typed("authority", &networkv3.FilterStateInput{Key: stateAuthority})
	serverNameInput = typed("sni", &networkv3.ServerNameInput{})
	transportInput  = typed("transport", &networkv3.TransportProtocolInput{})
	protocolInput   = typed("protocol", &networkv3.ApplicationProtocolInput{})
)

func typed(name string, m proto.Message) *xdscorev3.TypedExtensionConfig {
	return &xdscorev3.TypedExtensionConfig{Name: name, TypedConfig: pack(m)}
}

// orElse looks a name up: exact ones in a map, then the others one by one. Of
// equal names the first holds. A miss in a nested tree falls through to the
// outer one, so each has its own end.
func orElse(input *xdscorev3.TypedExtensionConfig, list []named, otherwise *matcherv3.Matcher_OnMatch) *matcherv3.Matcher_OnMatch {
	exact := map[string]*matcherv3.Matcher_OnMatch{}
	var others []*matcherv3.Matcher_MatcherList_FieldMatcher
	for _, n := range list {
		value := &matcherv3.StringMatcher{}
		switch {
		case n.regex != "":
			value.MatchPattern = &matcherv3.StringMatcher_SafeRegex{SafeRegex: &matcherv3.RegexMatcher{
				EngineType: &matcherv3.RegexMatcher_GoogleRe2{GoogleRe2: &matcherv3.RegexMatcher_GoogleRE2{}}, Regex: n.regex}}
		case n.name == "*":
			otherwise = n.then
			continue
		case strings.HasPrefix(n.name, "*"):
			value.MatchPattern = &matcherv3.StringMatcher_Suffix{Suffix: n.name[1:]}
		default:
			if exact[n.name] == nil {
				exact[n.name] = n.then
			}
			continue
		}
		others = append(others, &matcherv3.Matcher_MatcherList_FieldMatcher{
			Predicate: &matcherv3.Matcher_MatcherList_Predicate{MatchType: &matcherv3.Matcher_MatcherList_Predicate_SinglePredicate_{
				SinglePredicate: &matcherv3.Matcher_MatcherList_Predicate_SinglePredicate{
					Input:   input,
					Matcher: &matcherv3.Matcher_MatcherList_Predicate_SinglePredicate_ValueMatch{ValueMatch: value},
				},
			}},
			OnMatch: n.then,
		})
	}
	if len(others) > 0 {
		otherwise = nested(&matcherv3.Matcher{
			MatcherType: &matcherv3.Matcher_MatcherList_{MatcherList: &matcherv3.Matcher_MatcherList{Matchers: others}}, OnNoMatch: otherwise,
		})
	}
	if len(exact) == 0 {
		return otherwise
	}
	return nested(tree(input, exact, otherwise))
}

// onTLS tells TLS from the rest.
func onTLS(tls, rest *matcherv3.Matcher_OnMatch) *matcherv3.Matcher_OnMatch {
	return nested(tree(transportInput, map[string]*matcherv3.Matcher_OnMatch{"tls": tls}, rest))
}

// onHTTP tells what the HTTP inspector knows from the rest. Envoy writes the
// list of protocols with quotes.
func onHTTP(http, rest *matcherv3.Matcher_OnMatch) *matcherv3.Matcher_OnMatch {
	return nested(tree(protocolInput, map[string]*matcherv3.Matcher_OnMatch{
		"'http/1.0'": http, "'http/1.1'": http, "'h2c'": http,
	}, rest))
}

// tree looks an input up in a map.
func tree(input *xdscorev3.TypedExtensionConfig, m map[string]*matcherv3.Matcher_OnMatch, otherwise *matcherv3.Matcher_OnMatch) *matcherv3.Matcher {
	return &matcherv3.Matcher{
		MatcherType: &matcherv3.Matcher_MatcherTree_{MatcherTree: &matcherv3.Matcher_MatcherTree{
			Input: input,
			TreeType: &matcherv3.Matcher_MatcherTree_ExactMatchMap{
				ExactMatchMap: &matcherv3.Matcher_MatcherTree_MatchMap{Map: m},
			},
		}},
		OnNoMatch: otherwise,
	}
}

func nested(m *matcherv3.Matcher) *matcherv3.Matcher_OnMatch {
	return &matcherv3.Matcher_OnMatch{OnMatch: &matcherv3.Matcher_OnMatch_Matcher{Matcher: m}}
}

func asMatcher(m *matcherv3.Matcher_OnMatch) *matcherv3.Matcher {
	if inner := m.GetMatcher(); inner != nil {
		return inner
	}
	return &matcherv3.Matcher{OnNoMatch: m}
}

func toChain(name string) *matcherv3.Matcher_OnMatch {
	return &matcherv3.Matcher_OnMatch{OnMatch: &matcherv3.Matcher_OnMatch_Action{Action: typed("chain", wrapperspb.String(name))}}
}

// rangeRegex is for the authorities of a range's IPv4 addresses at a port.
func rangeRegex(cidr string, port uint32) (string, bool) {
	p, err := netip.ParsePrefix(cidr)
	if err != nil || !p.Addr().Is4() {
		return "", false
	}
	const octet = `[0-9]{1,3}`
	var parts []string
	first := p.Masked().Addr().As4()
	for i, bits := 0, p.Bits(); i < 4; i, bits = i+1, bits-8 {
		switch {
		case bits >= 8:
			parts = append(parts, strconv.Itoa(int(first[i])))
		case bits <= 0:
			parts = append(parts, octet)
		default:
			var some []string
			for n := range 1 << (8 - bits) {
				some = append(some, strconv.Itoa(int(first[i])+n))
			}
			parts = append(parts, "(?:"+strings.Join(some, "|")+")")
		}
	}
	return strings.Join(parts, regexp.QuoteMeta(".")) + ":" + strconv.Itoa(int(port)), true
}
