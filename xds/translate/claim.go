package translate

import (
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"github.com/krater-mesh/krater/model"
)

// metadataJWT is the namespace in which jwt_authn leaves a verified token's
// payload.
const metadataJWT = "envoy.filters.http.jwt_authn"

// claimMatcher compares a claim of the token that jwt_authn verified, and left
// as metadata. Without a token there is no claim.
func claimMatcher(c model.ClaimMatch) *matcherv3.MetadataMatcher {
	out := metadataMatcher(metadataJWT, append([]string{"payload"}, c.Path...), claimValue(c.Match))
	out.Invert = c.Not
	return out
}

// metadataMatcher compares a value that filters left.
func metadataMatcher(filter string, path []string, value *matcherv3.ValueMatcher) *matcherv3.MetadataMatcher {
	out := &matcherv3.MetadataMatcher{Filter: filter, Value: value}
	for _, key := range path {
		out.Path = append(out.Path, &matcherv3.MetadataMatcher_PathSegment{Segment: &matcherv3.MetadataMatcher_PathSegment_Key{Key: key}})
	}
	return out
}

// claimValue matches a text, or a list that has one that matches.
func claimValue(m model.StringMatch) *matcherv3.ValueMatcher {
	if m.Kind == model.Present {
		return &matcherv3.ValueMatcher{MatchPattern: &matcherv3.ValueMatcher_PresentMatch{PresentMatch: true}}
	}
	return &matcherv3.ValueMatcher{MatchPattern: &matcherv3.ValueMatcher_OrMatch{OrMatch: &matcherv3.OrMatcher{
		ValueMatchers: []*matcherv3.ValueMatcher{textValue(m), elementValue(m)}}}}
}

func textValue(m model.StringMatch) *matcherv3.ValueMatcher {
	return &matcherv3.ValueMatcher{MatchPattern: &matcherv3.ValueMatcher_StringMatch{StringMatch: stringMatcher(m)}}
}

// elementValue matches a list that has a text that matches.
func elementValue(m model.StringMatch) *matcherv3.ValueMatcher {
	return &matcherv3.ValueMatcher{MatchPattern: &matcherv3.ValueMatcher_ListMatch{ListMatch: &matcherv3.ListMatcher{
		MatchPattern: &matcherv3.ListMatcher_OneOf{OneOf: textValue(m)}}}}
}
