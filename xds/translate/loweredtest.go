package translate

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	xdscorev3 "github.com/cncf/xds/go/xds/core/v3"
	matcherv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	ipv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/matching/input_matchers/ip/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

// someAlternatives is how many values are compared one by one; more are one
// regular expression, which reads a value once.
const someAlternatives = 3

// loweredTests makes Envoy's matchers of tests. What cannot be one is noted:
// the policy is then asked.
type loweredTests struct {
	loweredInputs
	cannot string
}

// known is what is known of a test without any request: what no declared
// attribute's type allows never holds.
func (l *loweredTests) known(t *model.Test) truth {
	if t.Input.Kind != model.InputAttribute || untested(t) != undecided {
		return untested(t)
	}
	a, ok := l.p.declaredAs("attribute." + t.Input.Name)
	if !ok {
		return fails
	}
	fits := false
	switch t.How {
	case model.TestPresent:
		fits = true
	case model.TestLess, model.TestLessEqual, model.TestGreater, model.TestGreaterEqual, model.TestEqualNumber:
		fits = a.Type == model.AttributeInt || a.Type == model.AttributeDouble
	case model.TestBool:
		fits = a.Type == model.AttributeBool
	default: // of texts
		fits = a.Type != model.AttributeInt && a.Type != model.AttributeDouble && a.Type != model.AttributeBool
		fits = fits && (!t.Input.Items || a.Type == model.AttributeList) // which is one text, too
	}
	if !fits {
		return fails
	}
	return undecided
}

// test is a test as a predicate.
func (l *loweredTests) test(t *model.Test) predicate {
	p := l.made(t)
	if p == nil {
		l.cannot = fmt.Sprintf("%s of %s %s%s", t.How, t.Input.Kind, t.Input.Name, strings.Join(t.Input.Path, "."))
		return onHeader("none", model.StringMatch{}) // of a policy that is asked
	}
	return p
}

// made is nil for what Envoy cannot test.
func (l *loweredTests) made(t *model.Test) predicate {
	switch t.Input.Kind {
	case model.InputClaim:
		return onClaim(t)
	case model.InputTime:
		if t.Input.Name == "" {
			return onTime(t)
		}
	}
	input := l.text(t.Input)
	if input == nil {
		return nil
	}
	if t.How == model.TestCIDR {
		return onNetworks(input, t.Values)
	}
	re, ok := l.digits(t)
	if !ok {
		re, ok = l.item(t)
	}
	if ok {
		return onText(input, textRegex(re))
	}
	texts, ok := textMatches(t)
	if !ok {
		return nil
	}
	return oneOf(each(texts, func(m text) predicate { return onText(input, m) })...)
}

// digits is a comparison of numbers, where they are written as integers are.
func (l *loweredTests) digits(t *model.Test) (string, bool) {
	integer := t.Input.Kind == model.InputSourcePort || t.Input.Kind == model.InputDestinationPort
	if t.Input.Kind == model.InputAttribute {
		a, _ := l.p.declaredAs("attribute." + t.Input.Name)
		integer = a.Type == model.AttributeInt
		if a.Type == model.AttributeBool && t.How == model.TestBool {
			return regexp.QuoteMeta(t.Values[0]), true
		}
	}
	if !integer || len(t.Values) == 0 {
		return "", false
	}
	return integersThat(t.How, t.Values[0])
}

// item is a test of one of a declared list's texts.
func (l *loweredTests) item(t *model.Test) (string, bool) {
	if !t.Input.Items || t.Input.Kind != model.InputAttribute {
		return "", false
	}
	kind, ok := map[model.TestOp]model.MatchKind{model.TestIn: model.Exact, model.TestPrefix: model.Prefix, model.TestSuffix: model.Suffix}[t.How]
	if !ok {
		return "", false
	}
	var any []string
	for _, v := range t.Values {
		if !strings.Contains(v, ",") {
			any = append(any, element(model.StringMatch{Kind: kind, Value: v}).Value)
		}
	}
	if len(any) == 0 {
		return nothingAtAll, true
	}
	return strings.Join(any, "|"), true
}

// text is one way to compare a text.
type text struct {
	how   model.TestOp
	value string
}

func textRegex(re string) text { return text{model.TestRegex, re} }

// textMatches are the ways, of which one must hold; false: it is no test of
// texts.
func textMatches(t *model.Test) ([]text, bool) {
	var out []text
	switch t.How {
	case model.TestPresent:
		return []text{textRegex("(?s).*")}, true
	case model.TestIn:
		if len(t.Values) > someAlternatives {
			return []text{textRegex(strings.Join(each(t.Values, quoted), "|"))}, true
		}
	case model.TestPrefix, model.TestSuffix, model.TestContains, model.TestRegex:
	default:
		return nil, false
	}
	for _, v := range t.Values {
		switch valid := utf8.ValidString(v); {
		case t.How == model.TestRegex && v == "": // Envoy has no empty one
			out = append(out, textRegex("(?:)"))
		case t.How == model.TestRegex, valid && (v != "" || t.How == model.TestIn):
			out = append(out, text{t.How, v})
		case t.How == model.TestIn:
			out = append(out, textRegex(quoted(v)))
		case t.How == model.TestPrefix:
			out = append(out, textRegex(quoted(v)+"(?s:.*)"))
		case t.How == model.TestSuffix:
			out = append(out, textRegex("(?s:.*)"+quoted(v)))
		default:
			out = append(out, textRegex("(?s:.*)"+quoted(v)+"(?s:.*)"))
		}
	}
	return out, true
}

// quoted is a text as a regular expression that is read byte by byte.
func quoted(v string) string {
	var out strings.Builder
	for i := range len(v) {
		if v[i] < 0x80 {
			out.WriteString(regexp.QuoteMeta(v[i : i+1]))
		} else {
			fmt.Fprintf(&out, `\x%02x`, v[i])
		}
	}
	return out.String()
}

func onText(input *xdscorev3.TypedExtensionConfig, m text) predicate {
	value := &matcherv3.StringMatcher{}
	switch m.how {
	case model.TestIn:
		value.MatchPattern = &matcherv3.StringMatcher_Exact{Exact: m.value}
	case model.TestPrefix:
		value.MatchPattern = &matcherv3.StringMatcher_Prefix{Prefix: m.value}
	case model.TestSuffix:
		value.MatchPattern = &matcherv3.StringMatcher_Suffix{Suffix: m.value}
	case model.TestContains:
		value.MatchPattern = &matcherv3.StringMatcher_Contains{Contains: m.value}
	default:
		value.MatchPattern = &matcherv3.StringMatcher_SafeRegex{SafeRegex: &matcherv3.RegexMatcher{
			EngineType: &matcherv3.RegexMatcher_GoogleRe2{GoogleRe2: &matcherv3.RegexMatcher_GoogleRE2{}}, Regex: m.value}}
	}
	return single(&matcherv3.Matcher_MatcherList_Predicate_SinglePredicate{Input: input,
		Matcher: &matcherv3.Matcher_MatcherList_Predicate_SinglePredicate_ValueMatch{ValueMatch: value}})
}

// onNetworks is nil where one of them cannot be read.
func onNetworks(input *xdscorev3.TypedExtensionConfig, networks []string) predicate {
	out := &ipv3.Ip{StatPrefix: "rego"}
	for _, v := range networks {
		p, ok := prefixOf(v)
		if !ok {
			return nil
		}
		out.CidrRanges = append(out.CidrRanges, &corev3.CidrRange{AddressPrefix: p.Addr().String(), PrefixLen: wrapperspb.UInt32(uint32(p.Bits()))})
	}
	return single(&matcherv3.Matcher_MatcherList_Predicate_SinglePredicate{Input: input,
		Matcher: &matcherv3.Matcher_MatcherList_Predicate_SinglePredicate_CustomMatch{CustomMatch: typed("networks", out)}})
}
