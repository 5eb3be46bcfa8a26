package translate

import (
	"slices"

	xdscorev3 "github.com/cncf/xds/go/xds/core/v3"
	matcherv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

// treeRule is one of an ordered list: the first that holds decides. Rules with
// one answer may be tried in any order.
type treeRule struct {
	when   model.Predicate
	answer string
	then   *matcherv3.Matcher_OnMatch
	keys   map[treeKey]keyed
}

// treeBuilder makes matchers of lists of rules: what their inputs and tests
// are for Envoy, is said by others.
type treeBuilder struct {
	input func(model.ProxyInput) *xdscorev3.TypedExtensionConfig
	test  func(*model.Test) predicate
	depth int // how many trees are around
}

const (
	// treeLeast is how many rules a tree has at least: fewer are tried one by one.
	treeLeast = 4
	// treeLarge is a set of so many values that one rule is worth a tree.
	treeLarge = 16
	// treeWide is how many longer ones a prefix or network may hold of a tree's
	// own: each of their branches has its rules, too.
	treeWide = 16
)

// matcher tries rules in stages: those that have a key in common are looked up
// in a tree, the others stand in a list behind it. What misses in a branch goes
// on with the next stage, as Envoy does. nil: none of them can hold.
func (b treeBuilder) matcher(rules []treeRule) *matcherv3.Matcher {
	stages := b.stages(rules)
	if len(stages) == 0 {
		return nil
	}
	for i := len(stages) - 2; i >= 0; i-- {
		if stages[i].OnNoMatch == nil {
			stages[i].OnNoMatch = nested(stages[i+1])
		}
	}
	return stages[0]
}

// onMatch is what becomes of rules; nil: there is none.
func (b treeBuilder) onMatch(rules []treeRule) *matcherv3.Matcher_OnMatch {
	switch {
	case len(rules) == 0:
		return nil
	case always(rules[0].when):
		return rules[0].then
	}
	if m := b.matcher(rules); m != nil {
		return nested(m)
	}
	return nil
}

// stages wants one rule at least. Between two rules with different answers the
// order stays: where a rule without the key stands before one that has it, the
// tree ends, and another begins.
func (b treeBuilder) stages(rules []treeRule) []*matcherv3.Matcher {
	if last := slices.IndexFunc(rules, func(r treeRule) bool { return always(r.when) }); last >= 0 {
		rules = rules[:last+1]
	}
	rules = alternatives(rules)
	for i := range rules {
		if rules[i].keys == nil {
			rules[i].keys = keysOf(rules[i].when)
		}
	}
	key, ok := b.commonKey(rules)
	if !ok {
		return []*matcherv3.Matcher{b.list(rules)}
	}
	wide := wideOf(rules, key)
	var out []*matcherv3.Matcher
	var in, rest []treeRule
	flush := func() {
		if len(in) > 0 {
			if t := b.tree(key, in); t != nil {
				out = append(out, t)
			}
		}
		if len(rest) > 0 {
			out = append(out, b.stages(rest)...)
		}
		in, rest = nil, nil
	}
	for _, r := range rules {
		set, has := r.keys[key]
		if !has || slices.ContainsFunc(set.values, func(v string) bool { return wide[v] }) {
			r.keys = butFor(r.keys, key)
			rest = append(rest, r)
			continue
		}
		if slices.ContainsFunc(rest, func(before treeRule) bool { return before.answer != r.answer }) {
			flush()
		}
		in = append(in, r)
	}
	flush()
	return out
}

// alternatives makes a rule of each of many alternatives: as one rule they would all
// be looked through for each branch that one of them leads to.
func alternatives(rules []treeRule) []treeRule {
	many := func(r treeRule) bool { return r.when.Op == model.OpAny && len(r.when.Of) >= treeLarge }
	if !slices.ContainsFunc(rules, many) {
		return rules
	}
	var out []treeRule
	for _, r := range rules {
		if !many(r) {
			out = append(out, r)
			continue
		}
		for _, one := range r.when.Of {
			out = append(out, treeRule{when: one, answer: r.answer, then: r.then})
		}
	}
	return out
}

func butFor(keys map[treeKey]keyed, key treeKey) map[treeKey]keyed {
	out := make(map[treeKey]keyed, len(keys))
	for k, set := range keys {
		if k != key {
			out[k] = set
		}
	}
	return out
}

// commonKey is the one that most rules have. Inside of a tree large sets make
// none: each of their values would stand in each branch.
func (b treeBuilder) commonKey(rules []treeRule) (treeKey, bool) {
	count := map[treeKey]int{}
	for _, r := range rules {
		for k, set := range r.keys {
			switch {
			case len(set.values) < treeLarge:
				count[k]++
			case b.depth == 0:
				count[k] += treeLeast
			}
		}
	}
	var best treeKey
	for k, n := range count {
		if n > count[best] || n == count[best] && (k.kind < best.kind || k.kind == best.kind && k.input < best.input) {
			best = k
		}
	}
	return best, count[best] >= treeLeast
}

// list tries rules one by one; one that always holds ends it.
func (b treeBuilder) list(rules []treeRule) *matcherv3.Matcher {
	out := &matcherv3.Matcher{}
	var rows []*matcherv3.Matcher_MatcherList_FieldMatcher
	for _, r := range rules {
		if always(r.when) {
			out.OnNoMatch = r.then
			break
		}
		rows = append(rows, &matcherv3.Matcher_MatcherList_FieldMatcher{Predicate: b.predicate(r.when), OnMatch: r.then})
	}
	if len(rows) > 0 {
		out.MatcherType = &matcherv3.Matcher_MatcherList_{MatcherList: &matcherv3.Matcher_MatcherList{Matchers: rows}}
	}
	return out
}

// predicate wants one that is no constant.
func (b treeBuilder) predicate(p model.Predicate) predicate {
	switch p.Op {
	case model.OpTest:
		return b.test(p.Test)
	case model.OpNot:
		return not(b.predicate(p.Of[0]))
	case model.OpAny:
		return oneOf(each(p.Of, b.predicate)...)
	}
	return every(each(p.Of, b.predicate)...)
}

// tree looks the rules up by a key. A branch has all rules whose sets its value
// is in, in their order, with what the branch says taken for known. nil: they
// contradict themselves in every branch.
func (b treeBuilder) tree(key treeKey, rules []treeRule) *matcherv3.Matcher {
	branches := map[string][]int{}
	var values []string
	for i, r := range rules {
		for _, v := range canonicalOf(key, r.keys[key].values) {
			if branches[v] == nil {
				values = append(values, v)
			}
			if n := len(branches[v]); n == 0 || branches[v][n-1] != i {
				branches[v] = append(branches[v], i)
			}
		}
	}
	input := rules[0].keys[key].input
	slices.Sort(values)
	then := make(map[string]*matcherv3.Matcher_OnMatch, len(values))
	b.depth++
	for _, v := range values {
		known := key.under(input, v)
		var inside []treeRule
		for _, i := range branchOf(key, branches, v) {
			if when := fold(rules[i].when, known); !never(when) {
				inside = append(inside, treeRule{when: when, answer: rules[i].answer, then: rules[i].then})
			}
		}
		if m := b.onMatch(afresh(inside, key)); m != nil {
			then[v] = m
		}
	}
	if len(then) == 0 {
		return nil
	}
	return &matcherv3.Matcher{MatcherType: &matcherv3.Matcher_MatcherTree_{MatcherTree: treeOf(key, b.input(input), then)}}
}

// afresh keeps a claim's own tests, which stay, from making the same tree
// again.
func afresh(rules []treeRule, key treeKey) []treeRule {
	for i := range rules {
		rules[i].keys = butFor(keysOf(rules[i].when), key)
	}
	return rules
}

func treeOf(key treeKey, input *xdscorev3.TypedExtensionConfig, then map[string]*matcherv3.Matcher_OnMatch) *matcherv3.Matcher_MatcherTree {
	out := &matcherv3.Matcher_MatcherTree{Input: input}
	switch key.kind {
	case treeExact:
		out.TreeType = &matcherv3.Matcher_MatcherTree_ExactMatchMap{ExactMatchMap: &matcherv3.Matcher_MatcherTree_MatchMap{Map: then}}
	case treePrefix:
		out.TreeType = &matcherv3.Matcher_MatcherTree_PrefixMatchMap{PrefixMatchMap: &matcherv3.Matcher_MatcherTree_MatchMap{Map: then}}
	default:
		ips := &matcherv3.IPMatcher{}
		var networks []string
		for v := range then {
			networks = append(networks, v)
		}
		slices.Sort(networks)
		for _, v := range networks {
			p, _ := prefixOf(v)
			ips.RangeMatchers = append(ips.RangeMatchers, &matcherv3.IPMatcher_IPRangeMatcher{OnMatch: then[v],
				Ranges: []*xdscorev3.CidrRange{{AddressPrefix: p.Addr().String(), PrefixLen: wrapperspb.UInt32(uint32(p.Bits()))}}})
		}
		out.TreeType = &matcherv3.Matcher_MatcherTree_CustomMatch{CustomMatch: typed("ip", ips)}
	}
	return out
}

// canonicalOf writes the values of a key so that equal ones are equal texts.
func canonicalOf(key treeKey, values []string) []string {
	if key.kind != treeCIDR {
		return values
	}
	return each(values, func(v string) string { p, _ := prefixOf(v); return p.String() })
}

// branchOf are the rules of a branch: a longer prefix has those of its own
// beginnings, and a network those of the networks that it is in.
func branchOf(key treeKey, branches map[string][]int, v string) []int {
	out := slices.Clone(branches[v])
	for _, wider := range widerThan(key, v) {
		out = append(out, branches[wider]...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// widerThan are the keys that match whatever v does.
func widerThan(key treeKey, v string) []string {
	var out []string
	switch key.kind {
	case treePrefix:
		for i := 1; i < len(v); i++ {
			out = append(out, v[:i])
		}
	case treeCIDR:
		p, _ := prefixOf(v)
		for bits := p.Bits() - 1; bits >= 0; bits-- {
			wider, _ := p.Addr().Prefix(bits)
			out = append(out, wider.String())
		}
	}
	return out
}

// wideOf are the values that hold many others: their rules are better tried
// once than in each branch.
func wideOf(rules []treeRule, key treeKey) map[string]bool {
	if key.kind == treeExact {
		return nil
	}
	under := map[string]int{}
	for _, r := range rules {
		for _, v := range canonicalOf(key, r.keys[key].values) {
			under[v] = max(under[v], 0)
		}
	}
	for v := range under {
		for _, wider := range widerThan(key, v) {
			if _, is := under[wider]; is {
				under[wider]++
			}
		}
	}
	out := map[string]bool{}
	for _, r := range rules {
		for i, v := range canonicalOf(key, r.keys[key].values) {
			if under[v] > treeWide {
				out[r.keys[key].values[i]] = true
			}
		}
	}
	return out
}
