package translate

import (
	"strings"

	xdsmatcherv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	rbacconfigv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	matchingv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/common/matching/v3"
	actionv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/common/matcher/action/v3"
	networkv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/matching/common_inputs/network/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"github.com/krater-mesh/krater/model"
)

// undeclared is the state of an attribute that no set declares for the
// workload: nothing is ever there.
const undeclared = "krater.undeclared"

// conditioned finds what a condition on an attribute reads.
func (p *proxy) conditioned(name string) (state string, list bool) {
	a, ok := p.declaredAs("attribute." + name)
	if !ok {
		return undeclared, false
	}
	return attributeState(a), a.Type == model.AttributeList
}

// attributeConditions add a condition on a declared attribute. An absent one
// has none of the values: it fails Values and passes NotValues.
func (p *proxy) attributeConditions(to []*rbacconfigv3.Principal, c model.Condition) []*rbacconfigv3.Principal {
	key, list := p.conditioned(c.Attribute)
	of := func(m model.StringMatch) *rbacconfigv3.Principal {
		if list {
			m = element(m)
		}
		return &rbacconfigv3.Principal{Identifier: &rbacconfigv3.Principal_FilterState{FilterState: &matcherv3.FilterStateMatcher{
			Key: key, Matcher: &matcherv3.FilterStateMatcher_StringMatch{StringMatch: stringMatcher(m)},
		}}}
	}
	to = appendList(to, each(c.Values, of), false)
	return appendList(to, each(c.NotValues, of), true)
}

// element matches a list's text where one of its elements matches.
func element(m model.StringMatch) model.StringMatch {
	if m.Kind == model.Present {
		return m
	}
	return model.StringMatch{Kind: model.Regex, IgnoreCase: m.IgnoreCase, Value: "(?:[^,]*,)*?" + inside(m, "[^,]*") + "(?:,[^,]*)*"}
}

// skipUnless has a filter skipped where a condition on an attribute does not
// hold. CEL could not tell: filter state is bytes to it, which have no prefix.
func (p *proxy) skipUnless(conditions []model.Condition, filter *corev3.TypedExtensionConfig) *corev3.TypedExtensionConfig {
	var all []predicate
	for _, c := range conditions {
		if c.Attribute == "" {
			continue
		}
		is := func(m model.StringMatch) predicate { return p.onAttribute(c.Attribute, m) }
		if len(c.Values) > 0 {
			all = append(all, oneOf(each(c.Values, is)...))
		}
		if len(c.NotValues) > 0 {
			all = append(all, not(oneOf(each(c.NotValues, is)...)))
		}
	}
	if len(all) == 0 {
		return filter
	}
	skip := &xdsmatcherv3.Matcher_OnMatch{OnMatch: &xdsmatcherv3.Matcher_OnMatch_Action{Action: typed("skip", &actionv3.SkipFilter{})}}
	return extension(filter.Name, &matchingv3.ExtensionWithMatcher{ExtensionConfig: filter, XdsMatcher: &xdsmatcherv3.Matcher{
		MatcherType: &xdsmatcherv3.Matcher_MatcherList_{MatcherList: &xdsmatcherv3.Matcher_MatcherList{
			Matchers: []*xdsmatcherv3.Matcher_MatcherList_FieldMatcher{{Predicate: not(every(all...)), OnMatch: skip}},
		}},
	}})
}

// onAttribute compares a declared attribute; an absent one is nothing.
func (p *proxy) onAttribute(name string, m model.StringMatch) predicate {
	key, list := p.conditioned(name)
	if list {
		m = element(m)
	}
	return onValue(typed("attribute", &networkv3.FilterStateInput{Key: key}), m)
}

// celHeaderConditions are conditions on headers as an expression.
func celHeaderConditions(conditions []model.Condition) []string {
	var all []string
	for _, c := range conditions {
		if c.Header == "" {
			continue
		}
		is := func(m model.StringMatch) string { return celHeader(model.HeaderMatch{Name: c.Header, Match: m}) }
		if len(c.Values) > 0 {
			all = append(all, "("+strings.Join(each(c.Values, is), " || ")+")")
		}
		if len(c.NotValues) > 0 {
			all = append(all, "!("+strings.Join(each(c.NotValues, is), " || ")+")")
		}
	}
	return all
}
