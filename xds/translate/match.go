package translate

import (
	"regexp"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

// routeMatch writes the conditions that Envoy checks; the others were decided
// for this proxy already.
func routeMatch(m model.HTTPMatch) *routev3.RouteMatch {
	out := onAnyPath()
	if m.Path != nil {
		matchPath(out, *m.Path)
	}
	for _, part := range []struct {
		header string
		match  *model.StringMatch
	}{{":method", m.Method}, {":scheme", m.Scheme}, {":authority", m.Authority}} {
		if part.match != nil {
			out.Headers = append(out.Headers, headerMatcher(model.HeaderMatch{Name: part.header, Match: *part.match}))
		}
	}
	for _, h := range m.Headers {
		out.Headers = append(out.Headers, headerMatcher(h))
	}
	for _, q := range m.Query {
		out.QueryParameters = append(out.QueryParameters, queryMatcher(q))
	}
	for _, c := range m.Claims {
		out.DynamicMetadata = append(out.DynamicMetadata, claimMatcher(c))
	}
	return out
}

// matchPath compares the path without its query.
func matchPath(out *routev3.RouteMatch, m model.StringMatch) {
	switch m.Kind {
	case model.Exact:
		out.PathSpecifier = &routev3.RouteMatch_Path{Path: m.Value}
	case model.Prefix:
		out.PathSpecifier = &routev3.RouteMatch_Prefix{Prefix: m.Value}
	case model.Suffix:
		out.PathSpecifier = &routev3.RouteMatch_SafeRegex{SafeRegex: regex(flags(m) + ".*" + regexp.QuoteMeta(m.Value))}
		return
	case model.Regex:
		out.PathSpecifier = &routev3.RouteMatch_SafeRegex{SafeRegex: regex(flags(m) + m.Value)}
		return
	}
	if m.IgnoreCase {
		out.CaseSensitive = wrapperspb.Bool(false)
	}
}

// templateExpression writes a path template as an expression.
func templateExpression(template string) string {
	segments := strings.Split(template, "/")
	for i, s := range segments {
		switch s {
		case "{*}":
			segments[i] = "[^/]+"
		case "{**}":
			segments[i] = "(?s:.*)"
		default:
			segments[i] = regexp.QuoteMeta(s)
		}
	}
	return strings.Join(segments, "/")
}

// headerMatcher compares a request header. As in Istio, an inverted one takes
// an absent header for an empty one.
func headerMatcher(h model.HeaderMatch) *routev3.HeaderMatcher {
	out := &routev3.HeaderMatcher{Name: h.Name, InvertMatch: h.Not}
	if h.Match.Kind == model.Present {
		out.HeaderMatchSpecifier = &routev3.HeaderMatcher_PresentMatch{PresentMatch: true}
		return out
	}
	out.HeaderMatchSpecifier = &routev3.HeaderMatcher_StringMatch{StringMatch: stringMatcher(h.Match)}
	out.TreatMissingHeaderAsEmpty = h.Not
	return out
}

func queryMatcher(q model.QueryMatch) *routev3.QueryParameterMatcher {
	out := &routev3.QueryParameterMatcher{Name: q.Name}
	if q.Match.Kind == model.Present {
		out.QueryParameterMatchSpecifier = &routev3.QueryParameterMatcher_PresentMatch{PresentMatch: true}
	} else {
		out.QueryParameterMatchSpecifier = &routev3.QueryParameterMatcher_StringMatch{StringMatch: stringMatcher(q.Match)}
	}
	return out
}

// stringMatcher compares a value that is there. Envoy has no empty prefix or
// suffix, which every value has.
func stringMatcher(m model.StringMatch) *matcherv3.StringMatcher {
	anything := m.Kind == model.Present || ((m.Kind == model.Prefix || m.Kind == model.Suffix) && m.Value == "")
	switch {
	case anything:
		return &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_SafeRegex{SafeRegex: regex("(?s).*")}}
	case m.Kind == model.Template:
		m.Value = templateExpression(m.Value)
		fallthrough
	case m.Kind == model.Regex:
		return &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_SafeRegex{SafeRegex: regex(flags(m) + m.Value)}}
	}
	out := &matcherv3.StringMatcher{IgnoreCase: m.IgnoreCase}
	switch m.Kind {
	case model.Prefix:
		out.MatchPattern = &matcherv3.StringMatcher_Prefix{Prefix: m.Value}
	case model.Suffix:
		out.MatchPattern = &matcherv3.StringMatcher_Suffix{Suffix: m.Value}
	default:
		out.MatchPattern = &matcherv3.StringMatcher_Exact{Exact: m.Value}
	}
	return out
}

// flags are those of a regular expression.
func flags(m model.StringMatch) string {
	if m.IgnoreCase {
		return "(?i)"
	}
	return ""
}

func regex(re string) *matcherv3.RegexMatcher { return &matcherv3.RegexMatcher{Regex: re} }

func regexRewrite(r model.RegexRewrite) *matcherv3.RegexMatchAndSubstitute {
	return &matcherv3.RegexMatchAndSubstitute{Pattern: regex(r.Match), Substitution: r.Rewrite}
}
