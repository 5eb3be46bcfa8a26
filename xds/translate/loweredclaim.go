package translate

import (
	"math"
	"math/big"
	"strconv"
	"time"

	matcherv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	networkv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/matching/common_inputs/network/v3"
	metadatav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/matching/input_matchers/metadata/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"

	envoymatcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"github.com/krater-mesh/krater/model"
)

// onMetadata compares a value of dynamic metadata.
func onMetadata(namespace string, path []string, value *envoymatcherv3.ValueMatcher) predicate {
	input := &networkv3.DynamicMetadataInput{Filter: namespace}
	for _, key := range path {
		input.Path = append(input.Path, &networkv3.DynamicMetadataInput_PathSegment{Segment: &networkv3.DynamicMetadataInput_PathSegment_Key{Key: key}})
	}
	return single(&matcherv3.Matcher_MatcherList_Predicate_SinglePredicate{Input: typed("metadata", input),
		Matcher: &matcherv3.Matcher_MatcherList_Predicate_SinglePredicate_CustomMatch{CustomMatch: typed("value", &metadatav3.Metadata{Value: value})}})
}

// onClaim is a test of what jwt_authn left of the token that it verified. Texts
// are compared with texts only, and numbers with numbers.
func onClaim(t *model.Test) predicate {
	var any []*envoymatcherv3.ValueMatcher
	switch t.How {
	case model.TestPresent:
		any = append(any, &envoymatcherv3.ValueMatcher{MatchPattern: &envoymatcherv3.ValueMatcher_PresentMatch{PresentMatch: true}})
	case model.TestNull:
		any = append(any, &envoymatcherv3.ValueMatcher{MatchPattern: &envoymatcherv3.ValueMatcher_NullMatch_{NullMatch: &envoymatcherv3.ValueMatcher_NullMatch{}}})
	case model.TestBool:
		any = append(any, &envoymatcherv3.ValueMatcher{MatchPattern: &envoymatcherv3.ValueMatcher_BoolMatch{BoolMatch: t.Values[0] == "true"}})
	case model.TestLess, model.TestLessEqual, model.TestGreater, model.TestGreaterEqual, model.TestEqualNumber:
		m, ok := numbersThat(t.How, t.Values[0])
		if !ok {
			return nil
		}
		any = append(any, &envoymatcherv3.ValueMatcher{MatchPattern: &envoymatcherv3.ValueMatcher_DoubleMatch{DoubleMatch: m}})
	default:
		texts, ok := textMatches(t)
		if !ok {
			return nil
		}
		for _, m := range texts {
			any = append(any, &envoymatcherv3.ValueMatcher{MatchPattern: &envoymatcherv3.ValueMatcher_StringMatch{StringMatch: claimText(m)}})
		}
	}
	value := any[0]
	if len(any) > 1 {
		value = &envoymatcherv3.ValueMatcher{MatchPattern: &envoymatcherv3.ValueMatcher_OrMatch{OrMatch: &envoymatcherv3.OrMatcher{ValueMatchers: any}}}
	}
	if t.Input.Items {
		value = &envoymatcherv3.ValueMatcher{MatchPattern: &envoymatcherv3.ValueMatcher_ListMatch{ListMatch: &envoymatcherv3.ListMatcher{
			MatchPattern: &envoymatcherv3.ListMatcher_OneOf{OneOf: value}}}}
	}
	return onMetadata(metadataJWT, append([]string{"payload"}, t.Input.Path...), value)
}

func claimText(m text) *envoymatcherv3.StringMatcher {
	switch m.how {
	case model.TestIn:
		return &envoymatcherv3.StringMatcher{MatchPattern: &envoymatcherv3.StringMatcher_Exact{Exact: m.value}}
	case model.TestPrefix:
		return &envoymatcherv3.StringMatcher{MatchPattern: &envoymatcherv3.StringMatcher_Prefix{Prefix: m.value}}
	case model.TestSuffix:
		return &envoymatcherv3.StringMatcher{MatchPattern: &envoymatcherv3.StringMatcher_Suffix{Suffix: m.value}}
	case model.TestContains:
		return &envoymatcherv3.StringMatcher{MatchPattern: &envoymatcherv3.StringMatcher_Contains{Contains: m.value}}
	}
	return &envoymatcherv3.StringMatcher{MatchPattern: &envoymatcherv3.StringMatcher_SafeRegex{SafeRegex: regex(m.value)}}
}

// numbersThat are the doubles that compare so with a decimal, each taken for
// the shortest decimal that is it, which is how policyd reads it.
func numbersThat(how model.TestOp, decimal string) (*envoymatcherv3.DoubleMatcher, bool) {
	wanted, ok := new(big.Rat).SetString(decimal)
	near, err := strconv.ParseFloat(decimal, 64)
	if !ok || err != nil {
		return nil, false
	}
	shortest, _ := new(big.Rat).SetString(strconv.FormatFloat(near, 'g', -1, 64))
	side := shortest.Cmp(wanted) // where the nearest double stands
	up := math.Nextafter(near, math.Inf(1))
	in := func(from, to float64) *envoymatcherv3.DoubleMatcher {
		return &envoymatcherv3.DoubleMatcher{MatchPattern: &envoymatcherv3.DoubleMatcher_Range{Range: &typev3.DoubleRange{Start: from, End: to}}}
	}
	least, most := math.Inf(-1), math.Inf(1)
	switch {
	case how == model.TestLess && side >= 0, how == model.TestLessEqual && side > 0:
		return in(least, near), true
	case how == model.TestLess, how == model.TestLessEqual:
		return in(least, up), true
	case how == model.TestGreater && side > 0, how == model.TestGreaterEqual && side >= 0:
		return in(near, most), true
	case how == model.TestGreater, how == model.TestGreaterEqual:
		return in(up, most), true
	case side != 0:
		return in(near, near), true // none
	}
	return &envoymatcherv3.DoubleMatcher{MatchPattern: &envoymatcherv3.DoubleMatcher_Exact{Exact: near}}, true
}

// onTime compares when the request came with Unix seconds; nil: no such time.
func onTime(t *model.Test) predicate {
	operator, ok := map[model.TestOp]string{model.TestLess: "<", model.TestLessEqual: "<=", model.TestGreater: ">",
		model.TestGreaterEqual: ">=", model.TestEqualNumber: "=="}[t.How]
	if !ok || len(t.Values) == 0 {
		return nil
	}
	seconds, ok := new(big.Rat).SetString(t.Values[0])
	if !ok {
		return nil
	}
	nanos := seconds.Mul(seconds, big.NewRat(1e9, 1))
	if !nanos.IsInt() || !nanos.Num().IsInt64() {
		return nil
	}
	at := time.Unix(0, nanos.Num().Int64()).UTC().Format(time.RFC3339Nano)
	return onExpression("request.time " + operator + " timestamp(" + celString(at) + ")")
}
