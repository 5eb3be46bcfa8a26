package translate

import (
	"strings"

	matcherv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	mutationrulesv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	statev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/common/set_filter_state/v3"
	compositev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/composite/v3"
	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	envoymatcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

// holdsFor is a condition that may be known to be one or the other.
type holdsFor struct {
	known truth
	when  predicate
}

func whether(b bool) holdsFor { return holdsFor{known: truthOf(b)} }

func allKnown(list ...holdsFor) holdsFor {
	var when []predicate
	for _, h := range list {
		switch h.known {
		case fails:
			return h
		case undecided:
			when = append(when, h.when)
		}
	}
	if len(when) == 0 {
		return whether(true)
	}
	return holdsFor{when: every(when...)}
}

func anyKnown(list ...holdsFor) holdsFor {
	var when []predicate
	for _, h := range list {
		switch h.known {
		case holds:
			return h
		case undecided:
			when = append(when, h.when)
		}
	}
	if len(when) == 0 {
		return whether(false)
	}
	return holdsFor{when: oneOf(when...)}
}

func notKnown(h holdsFor) holdsFor {
	if h.known != undecided {
		return whether(h.known == fails)
	}
	return holdsFor{when: not(h.when)}
}

// says asks for a verdict: "allow|", "deny".
func (c classified) says(verdict string) holdsFor {
	return holdsFor{when: onMetadata(filterRBAC, []string{verdictKey(c.RegoPolicy)}, &envoymatcherv3.ValueMatcher{
		MatchPattern: &envoymatcherv3.ValueMatcher_StringMatch{StringMatch: &envoymatcherv3.StringMatcher{
			MatchPattern: &envoymatcherv3.StringMatcher_Prefix{Prefix: verdict}}}})}
}

// A verdict that is missing asks: whatever went wrong, nothing passes by it. So
// does one to allow that rests on a configuration that is too old.
func (c classified) allowed() holdsFor {
	if c.filter == nil {
		return whether(false)
	}
	return allKnown(c.says("allow|"), c.fresh())
}

func (c classified) denied() holdsFor {
	if !c.denies {
		return whether(false)
	}
	return c.says("deny")
}

func (c classified) asked() holdsFor {
	switch {
	case c.filter == nil:
		return whether(true)
	case !c.asks && !c.denies:
		return notKnown(c.allowed())
	}
	return allKnown(notKnown(c.allowed()), notKnown(c.denied()))
}

// decide makes the first verdict that does not allow the answer: a denial is
// answered by a script, and a question goes to policyd, which is asked about
// all of the policies, in their order. Requests that all policies allow enter
// no filter but this one.
//
// Before a question its answer may be found among those that were kept.
//
// Where policyd cannot be asked, those policies count that asked: all fail
// open, and the request passes them, but not a denial behind them. That stands
// in a filter of its own: of several inside a composite filter those behind one
// that waits for an answer are passed over, without a word.
func (p *proxy) decide(policies []classified, policySet string, states *[]*statev3.FilterStateValue) filters {
	if len(policies) == 0 {
		return nil
	}
	var refused, closed, anyDenied, anyOpen []holdsFor
	var before []holdsFor // that earlier ones allow
	var fresh []holdsFor
	var notDenied []holdsFor
	all := make([]model.RegoPolicy, 0, len(policies))
	for _, c := range policies {
		all = append(all, *c.RegoPolicy)
		refused = append(refused, allKnown(append(before[:len(before):len(before)], c.denied())...))
		if c.Failure != model.FailOpen {
			closed = append(closed, allKnown(append(notDenied[:len(notDenied):len(notDenied)], c.asked())...))
		} else {
			anyOpen = append(anyOpen, c.asked())
		}
		anyDenied = append(anyDenied, c.denied())
		before = append(before, c.allowed())
		fresh = append(fresh, c.fresh())
		notDenied = append(notDenied, notKnown(c.denied()))
	}
	kept := p.decisionCache(all, states)
	asking := func(open bool) filters {
		return filters{extension(filterExtAuthz, p.extAuthz(all, open, policySet, kept.id))}
	}
	answer := p.denials(policies)
	open := anyKnown(anyOpen...).known != fails
	rows, first, behind := entries{}, entries{last: kept.filter}, entries{}
	rows.add(anyKnown(refused...), answer)
	rows.add(anyKnown(closed...), asking(false))
	rows.add(whether(true), asking(open))
	entered := notKnown(allKnown(before...))
	out := askedAlways(policies, kept.filter)
	out = append(out, first.filters("rego-kept", allKnown(append(fresh, entered, notKnown(anyKnown(refused...)))...))...)
	out = append(out, rows.filters("rego", allKnown(entered, notKnown(kept.allowed)))...)
	if open && len(policies) > 1 {
		behind.add(anyKnown(anyDenied...), answer)
		out = append(out, behind.filters("rego-behind", whether(true))...)
	}
	return out
}

// askedAlways writes down which policies are asked about every request, where
// an answer may be a kept one: that says of itself not whose it is.
func askedAlways(policies []classified, kept filters) (out filters) {
	for _, c := range policies {
		if len(kept) > 0 && c.filter == nil {
			ask := &matcherv3.Matcher{OnNoMatch: verdictAction(string(model.VerdictAsk) + "|")}
			out = append(out, extension(filterRBAC, &rbacv3.RBAC{ShadowMatcher: ask, ShadowRulesStatPrefix: statPrefix(c.RegoPolicy)}))
		}
	}
	return out
}

// entries are filters, of which a request enters the first whose condition
// holds.
type entries struct {
	list []*matcherv3.Matcher_MatcherList_FieldMatcher
	last filters // for all others
	done bool
}

func (c *entries) add(h holdsFor, f filters) {
	switch {
	case c.done || h.known == fails || len(f) == 0:
	case h.known == holds:
		c.last, c.done = f, true
	default:
		c.list = append(c.list, &matcherv3.Matcher_MatcherList_FieldMatcher{Predicate: h.when, OnMatch: enter(f)})
	}
}

func enter(f filters) *matcherv3.Matcher_OnMatch {
	return &matcherv3.Matcher_OnMatch{OnMatch: &matcherv3.Matcher_OnMatch_Action{Action: typed("enter", execute(f))}}
}

// filters is the composite filter that some requests enter.
func (c *entries) filters(name string, entered holdsFor) filters {
	if entered.known == fails || len(c.list) == 0 && len(c.last) == 0 {
		return nil
	}
	m := &matcherv3.Matcher{}
	if len(c.list) > 0 {
		m.MatcherType = &matcherv3.Matcher_MatcherList_{MatcherList: &matcherv3.Matcher_MatcherList{Matchers: c.list}}
	}
	if len(c.last) > 0 {
		m.OnNoMatch = enter(c.last)
	}
	if entered.known == holds && len(c.list) == 0 {
		return c.last
	}
	if entered.known != holds {
		inner := nested(m)
		if len(c.list) == 0 {
			inner = m.OnNoMatch
		}
		m = &matcherv3.Matcher{MatcherType: &matcherv3.Matcher_MatcherList_{MatcherList: &matcherv3.Matcher_MatcherList{
			Matchers: []*matcherv3.Matcher_MatcherList_FieldMatcher{{Predicate: entered.when, OnMatch: inner}}}}}
	}
	return filters{extension(name, &compositev3.Composite{Matcher: m})}
}

// shadowQuestion asks policyd about those policies in shadow that the proxy
// does not know of, and goes on whatever it says.
func (p *proxy) shadowQuestion(policies []classified, policySet string) filters {
	var all []model.RegoPolicy
	var when []holdsFor
	for _, c := range policies {
		if c.asks || c.MaxStaleness > 0 {
			all = append(all, *c.RegoPolicy)
			when = append(when, c.asked())
		}
	}
	if len(all) == 0 {
		return nil
	}
	question := p.extAuthz(all, true, policySet, "")
	question.ShadowMode = true
	question.StatPrefix = "krater_shadow"
	question.DecoderHeaderMutationRules = &mutationrulesv3.HeaderMutationRules{DisallowAll: wrapperspb.Bool(true)}
	policyd := question.GetGrpcService()
	policyd.InitialMetadata = append(policyd.InitialMetadata, &corev3.HeaderValue{Key: "krater-mode", Value: strings.ToLower(string(model.Shadow))})
	rows := entries{}
	rows.add(whether(true), filters{extension(filterExtAuthz+".rego-shadow", question)})
	return rows.filters("rego-shadow", anyKnown(when...))
}
