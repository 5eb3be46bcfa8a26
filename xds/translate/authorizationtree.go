package translate

import (
	"slices"
	"strconv"
	"strings"

	xdscorev3 "github.com/cncf/xds/go/xds/core/v3"
	matcherv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	rbacconfigv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	networkv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/matching/common_inputs/network/v3"

	"github.com/krater-mesh/krater/model"
)

const (
	// authorizationLarge is how many rules and values are looked up in a tree;
	// fewer stay a list, as Istio's users know it.
	authorizationLarge = 64
	// authorizationSpread bounds what the values of a rule's lists are together,
	// when each value of its longest has a branch.
	authorizationSpread = 200_000

	// Of tests that RegoPolicies have not.
	inputRemoteAddress model.InputKind = "remoteAddress"
	testMatch          model.TestOp    = "match" // Values are a StringMatch's kind, whether case matters, and its value
)

// authorizationTree looks large policies of one action up in a tree: nil where
// they are few, or have nothing that could be looked up, or ask for what no
// input of Envoy's matchers has. Which rule decides is the same: of those that
// hold the first by name.
func (in *loweredInputs) authorizationTree(policies []model.AuthorizationPolicy, action model.Action) *matcherv3.Matcher {
	var rules []authorizationRule
	size := 0
	for _, a := range policies {
		for i, r := range a.Rules {
			t, ok := treeable(r)
			if !ok || asksCertificate(r) && !in.p.verifiesCallers() {
				return nil
			}
			t.id = a.RuleID(i)
			size += max(1, len(t.spread))
			rules = append(rules, t)
		}
	}
	if size < authorizationLarge {
		return nil
	}
	slices.SortStableFunc(rules, func(x, y authorizationRule) int { return strings.Compare(x.id, y.id) })
	var list []treeRule
	for _, r := range rules {
		then := ruleAction(r.id, rbacActions[action])
		for _, when := range r.alternatives() {
			if when = fold(when, untested); !never(when) {
				list = append(list, treeRule{when: when, answer: r.id, then: then})
			}
		}
	}
	none := rbacconfigv3.RBAC_DENY
	if action == model.Deny {
		none = rbacconfigv3.RBAC_ALLOW
	}
	list = append(list, treeRule{when: constant(true), answer: noRule, then: ruleAction(noRule, none)})
	b := treeBuilder{input: in.authorizationText, test: in.authorizationTest}
	for i := range list {
		list[i].keys = keysOf(list[i].when)
	}
	if _, ok := b.commonKey(list); !ok {
		return nil
	}
	return b.matcher(list)
}

// asksCertificate tells whether a rule asks for what a certificate says.
func asksCertificate(r model.AuthorizationRule) bool {
	return slices.ContainsFunc(r.From, model.Source.Named) ||
		slices.ContainsFunc(r.When, func(c model.Condition) bool { return c.Source != nil && c.Source.Named() })
}

// verifiesCallers tells whether each certificate of a client has been verified:
// the input of a matcher does not say. Servers of one's own may want none.
func (p *proxy) verifiesCallers() bool {
	return !p.w.Gateway && (p.sidecar == nil || !slices.ContainsFunc(p.sidecar.Ingress, func(l model.SidecarIngress) bool { return l.TLS != nil }))
}

// noRule is Envoy's word for it.
const noRule = "none"

func ruleAction(name string, action rbacconfigv3.RBAC_Action) *matcherv3.Matcher_OnMatch {
	return &matcherv3.Matcher_OnMatch{OnMatch: &matcherv3.Matcher_OnMatch_Action{
		Action: typed("rule", &rbacconfigv3.Action{Name: name, Action: action})}}
}

// authorizationRule is a rule as tests of inputs: its longest list of whole
// values, each of which has a branch, apart from the rest.
type authorizationRule struct {
	id     string
	all    []model.Predicate
	spread []model.Predicate // one of them holds, with all; none: nothing to spread
}

func (r authorizationRule) alternatives() []model.Predicate {
	if len(r.spread) == 0 {
		return []model.Predicate{allHold(r.all)}
	}
	return each(r.spread, func(one model.Predicate) model.Predicate {
		return allHold(append(r.all[:len(r.all):len(r.all)], one))
	})
}

func allHold(of []model.Predicate) model.Predicate { return model.Predicate{Op: model.OpAll, Of: of} }

func anyHolds(of []model.Predicate) model.Predicate { return model.Predicate{Op: model.OpAny, Of: of} }

// treeable makes tests of a rule; false: it asks for what has none.
func treeable(r model.AuthorizationRule) (out authorizationRule, ok bool) {
	t := ruleTests{}
	out.all = append(out.all, oneRuleOf(r.From, t.source), oneRuleOf(r.To, t.operation))
	for _, c := range r.When {
		out.all = append(out.all, t.condition(c))
	}
	out.spreadLongest()
	size := 1
	for _, p := range out.all {
		size *= max(1, valuesOf(p))
	}
	return out, !t.cannot && size*max(1, len(out.spread)) <= authorizationSpread
}

// oneRuleOf holds where one of a list does; of none, everywhere.
func oneRuleOf[T any](list []T, of func(T) model.Predicate) model.Predicate {
	if len(list) == 0 {
		return constant(true)
	}
	return fold(anyHolds(each(list, of)), func(*model.Test) truth { return undecided })
}

// spreadLongest takes the longest alternative out of what must hold.
func (r *authorizationRule) spreadLongest() {
	r.all = []model.Predicate{fold(allHold(r.all), func(*model.Test) truth { return undecided })}
	if r.all[0].Op == model.OpAll {
		r.all = r.all[0].Of
	}
	longest := -1
	for i, p := range r.all {
		if p.Op == model.OpAny && (longest < 0 || len(p.Of) > len(r.all[longest].Of)) {
			longest = i
		}
	}
	if longest < 0 || len(r.all[longest].Of) < treeLeast {
		return
	}
	r.spread = r.all[longest].Of
	r.all = slices.Delete(slices.Clone(r.all), longest, longest+1)
}

// valuesOf is how many values a predicate compares with.
func valuesOf(p model.Predicate) (n int) {
	for _, one := range p.Of {
		n += valuesOf(one)
	}
	if p.Test != nil {
		n += len(p.Test.Values)
	}
	return n
}

// ruleTests makes the tests of a rule's parts, and notes what has none.
type ruleTests struct{ cannot bool }

func (t *ruleTests) source(s model.Source) model.Predicate {
	t.cannot = t.cannot || len(s.RequestPrincipals)+len(s.NotRequestPrincipals) > 0
	principal := model.ProxyInput{Kind: model.InputPrincipal}
	certified := func(regex func(model.StringMatch) string) func(model.StringMatch) model.Predicate {
		return func(m model.StringMatch) model.Predicate {
			return textTest(principal, model.StringMatch{Kind: model.Regex, Value: regex(m)})
		}
	}
	var all []model.Predicate
	all = append(all, networkTests(model.InputSourceAddress, s.IPBlocks, s.NotIPBlocks)...)
	all = append(all, networkTests(inputRemoteAddress, s.RemoteIPBlocks, s.NotRemoteIPBlocks)...)
	all = append(all, eitherTests(s.Principals, s.NotPrincipals, func(m model.StringMatch) model.Predicate {
		return textTest(principal, principalMatch(m))
	})...)
	all = append(all, eitherTests(s.Namespaces, s.NotNamespaces, certified(namespaceRegex))...)
	all = append(all, eitherTests(s.TrustDomains, s.NotTrustDomains, func(m model.StringMatch) model.Predicate {
		return textTest(principal, trustDomainMatch(m))
	})...)
	return allHold(append(all, eitherTests(s.ServiceAccounts, s.NotServiceAccounts, func(account string) model.Predicate {
		return textTest(principal, model.StringMatch{Kind: model.Regex, Value: accountRegex(account)})
	})...))
}

func (t *ruleTests) operation(o model.Operation) model.Predicate {
	header := func(name string) func(model.StringMatch) model.Predicate {
		return func(m model.StringMatch) model.Predicate {
			return textTest(model.ProxyInput{Kind: model.InputHeader, Name: name}, m)
		}
	}
	of := func(kind model.InputKind) func(model.StringMatch) model.Predicate {
		return func(m model.StringMatch) model.Predicate { return textTest(model.ProxyInput{Kind: kind}, m) }
	}
	port := func(n uint32) model.Predicate {
		return textTest(model.ProxyInput{Kind: model.InputDestinationPort}, model.StringMatch{Kind: model.Exact, Value: strconv.Itoa(int(n))})
	}
	var all []model.Predicate
	all = append(all, eitherTests(o.Methods, o.NotMethods, header(":method"))...)
	all = append(all, eitherTests(o.Paths, o.NotPaths, of(model.InputPath))...)
	all = append(all, eitherTests(o.Hosts, o.NotHosts, func(m model.StringMatch) model.Predicate { return header(":authority")(hostMatch(m)) })...)
	all = append(all, eitherTests(o.Ports, o.NotPorts, port)...)
	all = append(all, eitherTests(o.ServerNames, o.NotServerNames, of(model.InputSNI))...)
	return allHold(append(all, networkTests(model.InputDestination, o.Addresses, o.NotAddresses)...))
}

func (t *ruleTests) condition(c model.Condition) model.Predicate {
	switch {
	case c.Source != nil:
		return t.source(*c.Source)
	case c.Operation != nil:
		return t.operation(*c.Operation)
	case strings.HasPrefix(c.Header, ":"): // of another RBAC compares each of several, a matcher all in one
		return allHold(eitherTests(c.Values, c.NotValues, func(m model.StringMatch) model.Predicate {
			return textTest(model.ProxyInput{Kind: model.InputHeader, Name: c.Header}, m)
		}))
	}
	t.cannot = true
	return constant(false)
}

// eitherTests are "one of these" and "none of those"; an empty list says nothing.
func eitherTests[T any](yes, no []T, of func(T) model.Predicate) (out []model.Predicate) {
	if len(yes) > 0 {
		out = append(out, anyHolds(each(yes, of)))
	}
	if len(no) > 0 {
		out = append(out, model.Predicate{Op: model.OpNot, Of: []model.Predicate{anyHolds(each(no, of))}})
	}
	return out
}

func networkTests(kind model.InputKind, yes, no []string) []model.Predicate {
	return eitherTests(yes, no, func(block string) model.Predicate {
		return model.Predicate{Op: model.OpTest, Test: &model.Test{Input: model.ProxyInput{Kind: kind}, How: model.TestCIDR, Values: []string{block}}}
	})
}

// textTest is one that a tree can have, or one as RBAC's own comparison.
func textTest(input model.ProxyInput, m model.StringMatch) model.Predicate {
	t := &model.Test{Input: input, How: testMatch, Values: []string{string(m.Kind), strconv.FormatBool(m.IgnoreCase), m.Value}}
	switch {
	case m.IgnoreCase || m.Value == "":
	case m.Kind == model.Exact:
		t.How, t.Values = model.TestIn, []string{m.Value}
	case m.Kind == model.Prefix:
		t.How, t.Values = model.TestPrefix, []string{m.Value}
	}
	return model.Predicate{Op: model.OpTest, Test: t}
}

// authorizationText is text, with the one input besides.
func (in *loweredInputs) authorizationText(i model.ProxyInput) *xdscorev3.TypedExtensionConfig {
	if i.Kind == inputRemoteAddress {
		return typed("address", &networkv3.SourceIPInput{})
	}
	return in.text(i)
}

func (in *loweredInputs) authorizationTest(t *model.Test) predicate {
	input := in.authorizationText(t.Input)
	switch t.How {
	case model.TestCIDR:
		return onNetworks(input, t.Values)
	case model.TestIn:
		return onValue(input, model.StringMatch{Kind: model.Exact, Value: t.Values[0]})
	case model.TestPrefix:
		return onValue(input, model.StringMatch{Kind: model.Prefix, Value: t.Values[0]})
	}
	m := model.StringMatch{Kind: model.MatchKind(t.Values[0]), IgnoreCase: t.Values[1] == "true", Value: t.Values[2]}
	if m.Kind == model.Template {
		m.Kind, m.Value = model.Regex, templateExpression(m.Value)
	}
	return onValue(input, m)
}
