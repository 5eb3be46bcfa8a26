package translate

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"cel.dev/expr"
	xdscorev3 "github.com/cncf/xds/go/xds/core/v3"
	matcherv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	xdstypev3 "github.com/cncf/xds/go/xds/type/v3"
	headerv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"github.com/google/cel-go/cel"
	"google.golang.org/protobuf/proto"

	"github.com/krater-mesh/krater/model"
)

// predicate is a condition on a request; nil holds for every one.
type predicate = *matcherv3.Matcher_MatcherList_Predicate

// every holds where all do. Envoy wants two at least.
func every(list ...predicate) predicate {
	list = slices.DeleteFunc(slices.Clone(list), func(p predicate) bool { return p == nil })
	switch len(list) {
	case 0:
		return nil
	case 1:
		return list[0]
	}
	return &matcherv3.Matcher_MatcherList_Predicate{MatchType: &matcherv3.Matcher_MatcherList_Predicate_AndMatcher{
		AndMatcher: &matcherv3.Matcher_MatcherList_Predicate_PredicateList{Predicate: list}}}
}

// oneOf holds where one does; of none, everywhere.
func oneOf(list ...predicate) predicate {
	switch {
	case slices.Contains(list, nil) || len(list) == 0:
		return nil
	case len(list) == 1:
		return list[0]
	}
	return &matcherv3.Matcher_MatcherList_Predicate{MatchType: &matcherv3.Matcher_MatcherList_Predicate_OrMatcher{
		OrMatcher: &matcherv3.Matcher_MatcherList_Predicate_PredicateList{Predicate: list}}}
}

func not(p predicate) predicate {
	return &matcherv3.Matcher_MatcherList_Predicate{MatchType: &matcherv3.Matcher_MatcherList_Predicate_NotMatcher{NotMatcher: p}}
}

// onRequest is a match on a request. What is absent meets nothing.
func onRequest(m model.RequestMatch) predicate {
	var all, hosts, methods []predicate
	if m.Path.Kind != "" {
		all = append(all, onPath(m.Path))
	}
	for _, h := range m.Hosts {
		hosts = append(hosts, onHeader(":authority", model.StringMatch{Kind: model.Regex, Value: hostRegex(h)}))
	}
	for _, method := range m.Methods {
		methods = append(methods, onHeader(":method", model.StringMatch{Kind: model.Exact, Value: method}))
	}
	all = append(all, oneOf(hosts...), oneOf(methods...))
	for _, name := range slices.Sorted(maps.Keys(m.Headers)) {
		all = append(all, onHeader(name, m.Headers[name]))
	}
	return every(all...)
}

// hostRegex is for a host with or without a port, in any case.
func hostRegex(host string) string {
	const port = `(:[0-9]+)?`
	if suffix, ok := strings.CutPrefix(host, "*"); ok {
		return `(?i)[^:]*` + regexp.QuoteMeta(suffix) + port
	}
	return "(?i)" + regexp.QuoteMeta(host) + port
}

// onPath compares the path without its query. There is no input for that, so
// it is done with the query, but for what may take a "?" for its own.
func onPath(m model.StringMatch) predicate {
	switch {
	case m.Kind == model.Prefix:
		return onHeader(":path", m)
	case m.Kind == model.Exact:
		query := m
		query.Kind, query.Value = model.Prefix, m.Value+"?"
		return oneOf(onHeader(":path", m), onHeader(":path", query))
	}
	return onExpression(celCompare("request.url_path", m))
}

// onHeader compares a header; several of a name are one, joined by ",".
func onHeader(name string, m model.StringMatch) predicate {
	return onValue(typed("header", &headerv3.HttpRequestHeaderMatchInput{HeaderName: name}), m)
}

func onValue(input *xdscorev3.TypedExtensionConfig, m model.StringMatch) predicate {
	value := &matcherv3.StringMatcher{IgnoreCase: m.IgnoreCase}
	pattern := ""
	switch anything := m.Value == "" && m.Kind != model.Exact && m.Kind != model.Regex; {
	case anything || m.Kind == model.Present:
		pattern = "(?s).*"
	case m.Kind == model.Regex:
		pattern = flags(m) + m.Value
	case m.Kind == model.Prefix:
		value.MatchPattern = &matcherv3.StringMatcher_Prefix{Prefix: m.Value}
	case m.Kind == model.Suffix:
		value.MatchPattern = &matcherv3.StringMatcher_Suffix{Suffix: m.Value}
	default:
		value.MatchPattern = &matcherv3.StringMatcher_Exact{Exact: m.Value}
	}
	if pattern != "" {
		value = &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_SafeRegex{SafeRegex: &matcherv3.RegexMatcher{
			EngineType: &matcherv3.RegexMatcher_GoogleRe2{GoogleRe2: &matcherv3.RegexMatcher_GoogleRE2{}}, Regex: pattern}}}
	}
	return single(&matcherv3.Matcher_MatcherList_Predicate_SinglePredicate{Input: input,
		Matcher: &matcherv3.Matcher_MatcherList_Predicate_SinglePredicate_ValueMatch{ValueMatch: value}})
}

func single(s *matcherv3.Matcher_MatcherList_Predicate_SinglePredicate) predicate {
	return &matcherv3.Matcher_MatcherList_Predicate{MatchType: &matcherv3.Matcher_MatcherList_Predicate_SinglePredicate_{SinglePredicate: s}}
}

// onRoute is met by the routes of a VirtualService, "NAMESPACE/NAME", or by one
// of them, "NAMESPACE/NAME/ROUTE", whatever its matches are called.
func onRoute(name string) predicate {
	switch strings.Count(name, "/") {
	case 0:
		return nil
	case 1:
		return onExpression("xds.route_name.startsWith(" + celString(name+"/") + ")")
	}
	return onExpression("xds.route_name == " + celString(name) + " || xds.route_name.startsWith(" + celString(name+".") + ")")
}

// toPorts is met by calls to one of some ports, in a chain that carries those
// to all. An explicit proxy is told the port with the name; what is inside a
// tunnel goes where the tunnel does.
func (c chain) toPorts(ports []uint32) predicate {
	var numbers []string
	for _, port := range ports {
		numbers = append(numbers, strconv.Itoa(int(port)))
	}
	regex := ".*:(" + strings.Join(numbers, "|") + ")"
	if !c.explicit {
		return onValue(authorityInput, model.StringMatch{Kind: model.Regex, Value: regex})
	}
	if slices.Contains(ports, 80) { // of a URL that names none
		regex += `|[^:]+|\[[^\]]*\]`
	}
	return onHeader(":authority", model.StringMatch{Kind: model.Regex, Value: regex})
}

// onExpression is a condition in CEL. Envoy takes it parsed.
func onExpression(text string) predicate {
	parsed, issues := celParser().Parse(text)
	if issues.Err() != nil { // written here
		panic(fmt.Sprintf("translate: %s: %v", text, issues.Err()))
	}
	old, err := cel.AstToParsedExpr(parsed)
	out := &expr.ParsedExpr{}
	if err == nil {
		var b []byte
		if b, err = proto.Marshal(old); err == nil { // two names of one message
			err = proto.Unmarshal(b, out)
		}
	}
	if err != nil {
		panic(fmt.Sprintf("translate: %s: %v", text, err))
	}
	out.SourceInfo = nil // where in a text it stood
	return single(&matcherv3.Matcher_MatcherList_Predicate_SinglePredicate{
		Input: typed("attributes", &matcherv3.HttpAttributesCelMatchInput{}),
		Matcher: &matcherv3.Matcher_MatcherList_Predicate_SinglePredicate_CustomMatch{CustomMatch: typed("expression",
			&matcherv3.CelMatcher{ExprMatch: &xdstypev3.CelExpression{CelExprParsed: out}})},
	})
}
