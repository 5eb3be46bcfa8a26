package lowered_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/test/policycases"
	"github.com/krater-mesh/krater/test/policycases/envoyrunner"
)

func testOf(kind model.InputKind, name string, how model.TestOp, values ...string) model.Predicate {
	return model.Predicate{Op: model.OpTest, Test: &model.Test{Input: model.ProxyInput{Kind: kind, Name: name}, How: how, Values: values}}
}

func claimTest(how model.TestOp, path []string, values ...string) model.Predicate {
	p := testOf(model.InputClaim, "", how, values...)
	p.Test.Input.Path = path
	return p
}

func items(p model.Predicate) model.Predicate {
	p.Test.Input.Items = true
	return p
}

func all(of ...model.Predicate) model.Predicate { return model.Predicate{Op: model.OpAll, Of: of} }
func either(of ...model.Predicate) model.Predicate {
	return model.Predicate{Op: model.OpAny, Of: of}
}
func negated(p model.Predicate) model.Predicate {
	return model.Predicate{Op: model.OpNot, Of: []model.Predicate{p}}
}

// loweredPolicy is one whose modules deny: what passes, the proxy decided.
func loweredPolicy(name string, l *model.Lowered) model.RegoPolicy {
	return model.RegoPolicy{Object: model.Ref{Name: name}, Modules: []model.RegoModule{{Name: "a.rego", Source: "package a\n\nallow := false\n"}},
		Query: "data.a.allow", Mode: model.Enforce, Failure: model.FailClosed, Timeout: model.Duration(5e9), Lowered: l}
}

func ruled(rules ...model.LoweredRule) *model.Lowered { return &model.Lowered{Rules: rules} }

func rule(name string, v model.Verdict, when model.Predicate) model.LoweredRule {
	return model.LoweredRule{Rule: name, Verdict: v, When: when}
}

// TestLoweredInputs has each kind of input and test in a real Envoy, for a
// request where it holds and one where it does not, and its negation. Each is
// there as a rule in a list, and, where it can be a tree's key, in a tree.
func TestLoweredInputs(t *testing.T) {
	now := time.Now().Unix()
	header := func(how model.TestOp, values ...string) model.Predicate {
		return testOf(model.InputHeader, "x-a", how, values...)
	}
	path := func(how model.TestOp, values ...string) model.Predicate {
		return testOf(model.InputPath, "", how, values...)
	}
	attribute := func(name string, how model.TestOp, values ...string) model.Predicate {
		return testOf(model.InputAttribute, name, how, values...)
	}
	with := func(lines ...string) policycases.Request { return policycases.Request{Headers: lines} }
	at := func(path string) policycases.Request { return policycases.Request{Path: path} }
	from := func(principal string) policycases.Request {
		return policycases.Request{Source: policycases.Endpoint{Address: "127.0.0.1", Principal: principal}, SNI: "a.test"}
	}
	claims := func(c map[string]any) policycases.Request { return policycases.Request{Claims: c} }
	raw := func(b string) policycases.Request {
		return policycases.Request{RawHeaders: []policycases.Raw{{Name: "x-a", Base64: b}}}
	}
	nobody := policycases.Request{}
	inHeader := model.ProxyInput{Kind: model.InputHeader, Name: "x-a"}
	same := func(a, b model.ProxyInput) model.Predicate {
		return model.Predicate{Op: model.OpTest, Test: &model.Test{Input: model.Same(a, b), How: model.TestIn, Values: []string{"true"}}}
	}
	both := func(header string, role any) policycases.Request {
		return policycases.Request{Headers: []string{"x-a: " + header}, Claims: map[string]any{"role": role}}
	}
	asked := func(path, header string) policycases.Request {
		return policycases.Request{Path: path, Headers: []string{"x-a: " + header}}
	}
	role := []string{"role"}
	part := func(name, layout string) model.Predicate { // as it is now, and may become
		var values []string
		for i := range int64(120) {
			values = append(values, time.Unix(now+i, 0).UTC().Format(layout))
		}
		slices.Sort(values)
		return testOf(model.InputTime, name, model.TestIn, slices.Compact(values)...)
	}
	many := []string{"m0", "m1", "m2", "m3", "m4", "yes", "a.b", "m7"}
	for _, batch := range [][]struct {
		name  string
		when  model.Predicate
		holds []policycases.Request
		not   []policycases.Request
	}{{
		{name: "header in", when: header(model.TestIn, "yes"), holds: []policycases.Request{with("X-A: yes")}, not: []policycases.Request{with("x-a: Yes"), with("x-a: yes " + "x"), with("x-a: yes", "x-a: yes"), nobody, with("x-a:")}},
		{name: "header in, joined", when: header(model.TestIn, "a,b"), holds: []policycases.Request{with("x-a: a", "x-a: b"), with("x-a: a,b")}, not: []policycases.Request{with("x-a: a, b")}},
		{name: "header in many", when: header(model.TestIn, many...), holds: []policycases.Request{with("x-a: yes"), with("x-a: a.b")}, not: []policycases.Request{with("x-a: axb"), with("x-a: m"), nobody}},
		{name: "header empty", when: header(model.TestIn, ""), holds: []policycases.Request{with("x-a:")}, not: []policycases.Request{nobody, with("x-a: x")}},
		{name: "header present", when: header(model.TestPresent), holds: []policycases.Request{with("x-a:"), with("x-a: 1"), raw("6Q==")}, not: []policycases.Request{nobody}},
		{name: "header prefix", when: header(model.TestPrefix, "ab", "c"), holds: []policycases.Request{with("x-a: abc"), with("x-a: c")}, not: []policycases.Request{with("x-a: a"), with("x-a: Abc"), nobody}},
		{name: "header empty prefix", when: header(model.TestPrefix, ""), holds: []policycases.Request{with("x-a: abc"), with("x-a:")}, not: []policycases.Request{nobody}},
		{name: "header suffix", when: header(model.TestSuffix, "bc"), holds: []policycases.Request{with("x-a: abc")}, not: []policycases.Request{with("x-a: abcd"), nobody}},
		{name: "header contains", when: header(model.TestContains, "b"), holds: []policycases.Request{with("x-a: abc")}, not: []policycases.Request{with("x-a: ac"), nobody}},
		{name: "header regex", when: header(model.TestRegex, "a.c", "[0-9]+"), holds: []policycases.Request{with("x-a: abc"), with("x-a: 12")}, not: []policycases.Request{with("x-a: xabc"), with("x-a: abcx"), nobody}},
		{name: "header bytes", when: header(model.TestRegex, `(?s).*[^\x00-\x7f].*`), holds: []policycases.Request{raw("6Q=="), with("x-a: é")}, not: []policycases.Request{with("x-a: e"), nobody}},
		{name: "header raw byte", when: header(model.TestIn, "\xe9"), holds: []policycases.Request{raw("6Q==")}, not: []policycases.Request{with("x-a: é"), nobody}},
		{name: "header text", when: header(model.TestContains, "é"), holds: []policycases.Request{with("x-a: né")}, not: []policycases.Request{raw("6Q=="), nobody}},
		{name: "host is no header", when: testOf(model.InputHeader, "host", model.TestPresent), not: []policycases.Request{nobody}},
		{name: "method", when: testOf(model.InputHeader, ":method", model.TestIn, "PUT"), holds: []policycases.Request{{Method: "PUT"}, {Method: "PUT", Protocol: "HTTP/2"}}, not: []policycases.Request{{Method: "GET"}}},
		{name: "authority", when: testOf(model.InputHeader, ":authority", model.TestIn, "a.test"), holds: []policycases.Request{{Host: "a.test"}}, not: []policycases.Request{{Host: "b.test"}}},
		{name: "scheme", when: testOf(model.InputHeader, ":scheme", model.TestIn, "http"), holds: []policycases.Request{nobody}},
		{name: "path with query", when: testOf(model.InputHeader, ":path", model.TestIn, "/a?b=c"), holds: []policycases.Request{at("/a?b=c")}, not: []policycases.Request{at("/a")}},
		{name: "path", when: path(model.TestIn, "/a"), holds: []policycases.Request{at("/a"), at("/a?b=c"), at("//a"), at("/b/../a"), at("/%61")}, not: []policycases.Request{at("/a/"), at("/A"), at("/a;b"), at("/b?/a")}},
		{name: "path prefix", when: path(model.TestPrefix, "/a/"), holds: []policycases.Request{at("/a/b?c")}, not: []policycases.Request{at("/a"), at("/b/a/")}},
		{name: "path suffix", when: path(model.TestSuffix, ".css"), holds: []policycases.Request{at("/a.css?x=.js")}, not: []policycases.Request{at("/a.js?x=.css")}},
		{name: "path regex", when: path(model.TestRegex, "/a/[^/]+"), holds: []policycases.Request{at("/a/b?c/d")}, not: []policycases.Request{at("/a/b/c")}},
		{name: "protocol", when: testOf(model.InputProtocol, "", model.TestIn, "HTTP/2"), holds: []policycases.Request{{Protocol: "HTTP/2"}}, not: []policycases.Request{nobody}},
		{name: "source address", when: testOf(model.InputSourceAddress, "", model.TestIn, "127.0.0.9"), holds: []policycases.Request{{Source: policycases.Endpoint{Address: "127.0.0.9"}}}, not: []policycases.Request{with("x-forwarded-for: 127.0.0.9")}},
		{name: "source network", when: testOf(model.InputSourceAddress, "", model.TestCIDR, "10.0.0.0/8", "127.0.0.8/30"), holds: []policycases.Request{{Source: policycases.Endpoint{Address: "127.0.0.9"}}}, not: []policycases.Request{{Source: policycases.Endpoint{Address: "127.0.0.1"}}, with("x-forwarded-for: 10.0.0.9")}},
		{name: "source port", when: testOf(model.InputSourcePort, "", model.TestGreaterEqual, "1024"), holds: []policycases.Request{nobody, with("x-forwarded-for: 10.0.0.9")}},
		{name: "another source port", when: testOf(model.InputSourcePort, "", model.TestLess, "1024"), not: []policycases.Request{nobody}},
		{name: "destination port", when: testOf(model.InputDestinationPort, "", model.TestIn, "9080"), holds: []policycases.Request{nobody}},
		{name: "destination ports", when: testOf(model.InputDestinationPort, "", model.TestLessEqual, "9080.5"), holds: []policycases.Request{nobody}},
		{name: "other destination ports", when: testOf(model.InputDestinationPort, "", model.TestLess, "9080"), not: []policycases.Request{nobody}},
		{name: "destination address", when: testOf(model.InputDestination, "", model.TestCIDR, "127.0.0.0/8"), holds: []policycases.Request{nobody}},
		{name: "other destination address", when: testOf(model.InputDestination, "", model.TestIn, "127.0.0.1"), not: []policycases.Request{nobody}},
		{name: "principal", when: testOf(model.InputPrincipal, "", model.TestIn, "spiffe://cluster.local/ns/a/sa/b"), holds: []policycases.Request{from("spiffe://cluster.local/ns/a/sa/b")}, not: []policycases.Request{from("spiffe://cluster.local/ns/a/sa/c"), nobody}},
		{name: "namespace", when: testOf(model.InputPrincipal, "", model.TestPrefix, "spiffe://cluster.local/ns/a/"), holds: []policycases.Request{from("spiffe://cluster.local/ns/a/sa/b")}, not: []policycases.Request{from("spiffe://cluster.local/ns/ab/sa/c"), nobody}},
		{name: "principal present", when: testOf(model.InputPrincipal, "", model.TestPresent), holds: []policycases.Request{from("spiffe://cluster.local/ns/a/sa/b")}, not: []policycases.Request{nobody}},
		{name: "sni", when: testOf(model.InputSNI, "", model.TestIn, "a.test"), holds: []policycases.Request{from("spiffe://cluster.local/ns/a/sa/b")}, not: []policycases.Request{nobody}},
	}, {
		{name: "claim in", when: claimTest(model.TestIn, role, "admin"), holds: []policycases.Request{claims(map[string]any{"role": "admin"})}, not: []policycases.Request{claims(map[string]any{"role": "user"}), claims(map[string]any{"role": []any{"admin"}}), claims(map[string]any{"other": "admin"}), nobody}},
		{name: "claim that looks like a number", when: claimTest(model.TestIn, role, "5"), holds: []policycases.Request{claims(map[string]any{"role": "5"})}, not: []policycases.Request{claims(map[string]any{"role": 5}), nobody}},
		{name: "claim that looks like a boolean", when: claimTest(model.TestIn, role, "true"), holds: []policycases.Request{claims(map[string]any{"role": "true"})}, not: []policycases.Request{claims(map[string]any{"role": true}), nobody}},
		{name: "claim empty", when: claimTest(model.TestIn, role, ""), holds: []policycases.Request{claims(map[string]any{"role": ""})}, not: []policycases.Request{claims(map[string]any{"role": nil}), claims(map[string]any{}), nobody}},
		{name: "claim inside", when: claimTest(model.TestIn, []string{"a", "b:c"}, "x"), holds: []policycases.Request{claims(map[string]any{"a": map[string]any{"b:c": "x"}})}, not: []policycases.Request{claims(map[string]any{"a": "x"}), nobody}},
		{name: "claim in many", when: claimTest(model.TestIn, role, many...), holds: []policycases.Request{claims(map[string]any{"role": "yes"})}, not: []policycases.Request{claims(map[string]any{"role": "no"}), nobody}},
		{name: "claim prefix", when: claimTest(model.TestPrefix, role, "ad"), holds: []policycases.Request{claims(map[string]any{"role": "admin"})}, not: []policycases.Request{claims(map[string]any{"role": "user"}), nobody}},
		{name: "claim suffix", when: claimTest(model.TestSuffix, role, "min"), holds: []policycases.Request{claims(map[string]any{"role": "admin"})}, not: []policycases.Request{claims(map[string]any{"role": "user"}), nobody}},
		{name: "claim contains", when: claimTest(model.TestContains, role, "dm"), holds: []policycases.Request{claims(map[string]any{"role": "admin"})}, not: []policycases.Request{claims(map[string]any{"role": "user"}), nobody}},
		{name: "claim regex", when: claimTest(model.TestRegex, role, "a.*n"), holds: []policycases.Request{claims(map[string]any{"role": "admin"})}, not: []policycases.Request{claims(map[string]any{"role": "user"}), nobody}},
		{name: "claim present", when: claimTest(model.TestPresent, role), holds: []policycases.Request{claims(map[string]any{"role": ""}), claims(map[string]any{"role": nil}), claims(map[string]any{"role": false})}, not: []policycases.Request{claims(map[string]any{}), nobody}},
		{name: "claim null", when: claimTest(model.TestNull, role), holds: []policycases.Request{claims(map[string]any{"role": nil})}, not: []policycases.Request{claims(map[string]any{"role": ""}), claims(map[string]any{}), nobody}},
		{name: "claim bool", when: claimTest(model.TestBool, role, "false"), holds: []policycases.Request{claims(map[string]any{"role": false})}, not: []policycases.Request{claims(map[string]any{"role": true}), claims(map[string]any{"role": "false"}), claims(map[string]any{"role": nil}), nobody}},
		{name: "claim less", when: claimTest(model.TestLess, role, "18"), holds: []policycases.Request{claims(map[string]any{"role": 17.5}), claims(map[string]any{"role": -1e300})}, not: []policycases.Request{claims(map[string]any{"role": 18}), claims(map[string]any{"role": "7"}), claims(map[string]any{"role": nil}), nobody}},
		{name: "claim lessEqual", when: claimTest(model.TestLessEqual, role, "0.1"), holds: []policycases.Request{claims(map[string]any{"role": 0.1})}, not: []policycases.Request{claims(map[string]any{"role": 0.10000000000000002}), nobody}},
		{name: "claim greater", when: claimTest(model.TestGreater, role, "0.1"), holds: []policycases.Request{claims(map[string]any{"role": 0.2}), claims(map[string]any{"role": 0.10000000000000002})}, not: []policycases.Request{claims(map[string]any{"role": 0.1}), nobody}},
		{name: "claim greaterEqual", when: claimTest(model.TestGreaterEqual, role, "-3"), holds: []policycases.Request{claims(map[string]any{"role": -3}), claims(map[string]any{"role": 1e308})}, not: []policycases.Request{claims(map[string]any{"role": -3.5}), nobody}},
		{name: "claim equalNumber", when: claimTest(model.TestEqualNumber, role, "0.1"), holds: []policycases.Request{claims(map[string]any{"role": 0.1})}, not: []policycases.Request{claims(map[string]any{"role": 0.2}), claims(map[string]any{"role": "0.1"}), nobody}},
		{name: "claim list", when: items(claimTest(model.TestIn, role, "admin", "root")), holds: []policycases.Request{claims(map[string]any{"role": []any{"user", "admin"}}), claims(map[string]any{"role": []any{1, "root"}})}, not: []policycases.Request{claims(map[string]any{"role": "admin"}), claims(map[string]any{"role": []any{}}), claims(map[string]any{"role": []any{"user"}}), nobody}},
		{name: "claim list of numbers", when: items(claimTest(model.TestGreater, role, "3")), holds: []policycases.Request{claims(map[string]any{"role": []any{1, 4}})}, not: []policycases.Request{claims(map[string]any{"role": []any{1, 3, "4"}}), nobody}},
		{name: "time before", when: testOf(model.InputTime, "", model.TestLess, fmt.Sprint(now+3600)), holds: []policycases.Request{nobody}},
		{name: "time after", when: testOf(model.InputTime, "", model.TestGreaterEqual, fmt.Sprint(now+3600)), not: []policycases.Request{nobody}},
		{name: "time with parts", when: testOf(model.InputTime, "", model.TestGreater, fmt.Sprint(now-3600)+".25"), holds: []policycases.Request{nobody}},
		{name: "time's parts", when: all(part("hour", "15"), part("weekday", "Monday"), part("month", "01"), part("day", "02"), part("minute", "04"), part("second", "05")), holds: []policycases.Request{nobody}},
		{name: "another hour", when: testOf(model.InputTime, "hour", model.TestIn, time.Unix(now+2*3600, 0).UTC().Format("15")), not: []policycases.Request{nobody}},
		{name: "weekday", when: testOf(model.InputTime, "weekday", model.TestIn, time.Unix(now, 0).UTC().Weekday().String(), time.Unix(now+60, 0).UTC().Weekday().String()), holds: []policycases.Request{nobody}},
		{name: "another weekday", when: testOf(model.InputTime, "weekday", model.TestIn, time.Unix(now+2*86400, 0).UTC().Weekday().String()), not: []policycases.Request{nobody}},
		{name: "empty regex", when: header(model.TestRegex, ""), holds: []policycases.Request{with("x-a:")}, not: []policycases.Request{with("x-a: a"), nobody}},
		{name: "empty regex of a claim", when: claimTest(model.TestRegex, role, ""), holds: []policycases.Request{claims(map[string]any{"role": ""})}, not: []policycases.Request{claims(map[string]any{"role": "a"}), nobody}},
		{name: "attribute list as a text", when: attribute("list", model.TestRegex, `(?:[\x00-\xff]*,)?b(?:,[\x00-\xff]*)?`), holds: []policycases.Request{at("/?list=x,b")}, not: []policycases.Request{at("/?list=bx"), nobody}},
		{name: "attribute", when: attribute("text", model.TestIn, "a"), holds: []policycases.Request{at("/?text=a")}, not: []policycases.Request{at("/?text=b"), nobody}},
		{name: "attribute present", when: attribute("text", model.TestPresent), holds: []policycases.Request{at("/?text=a")}, not: []policycases.Request{nobody}},
		{name: "attribute int", when: attribute("int", model.TestGreaterEqual, "-12"), holds: []policycases.Request{at("/?int=-12"), at("/?int=7"), at("/?int=-9"), at("/?int=0")}, not: []policycases.Request{at("/?int=-13"), at("/?int=-100"), at("/?int=x"), nobody}},
		{name: "attribute small int", when: attribute("int", model.TestLess, "120"), holds: []policycases.Request{at("/?int=-12"), at("/?int=119"), at("/?int=99"), at("/?int=5")}, not: []policycases.Request{at("/?int=120"), at("/?int=1000"), at("/?int=200"), nobody}},
		{name: "attribute int is no text", when: attribute("int", model.TestIn, "7"), not: []policycases.Request{at("/?int=7")}},
		{name: "attribute bool", when: attribute("bool", model.TestBool, "true"), holds: []policycases.Request{at("/?bool=true")}, not: []policycases.Request{at("/?bool=false"), nobody}},
		{name: "attribute list", when: items(attribute("list", model.TestIn, "a", "b")), holds: []policycases.Request{at("/?list=x,b")}, not: []policycases.Request{at("/?list=x,bc"), at("/?list=ab"), nobody}},
		{name: "attribute of nobody", when: attribute("other", model.TestPresent), not: []policycases.Request{nobody}},
		{name: "header same as a claim", when: same(inHeader, model.ProxyInput{Kind: model.InputClaim, Path: role}), holds: []policycases.Request{both("me", "me"), both("", "")}, not: []policycases.Request{both("me", "you"), both("7", 7), both("true", true), both("me", []any{"me"}), with("x-a: me"), claims(map[string]any{"role": "me"}), nobody}},
		{name: "header same as another", when: same(inHeader, model.ProxyInput{Kind: model.InputHeader, Name: "x-b"}), holds: []policycases.Request{with("x-a: 1", "x-b: 1"), with("x-a: 1", "x-a: 2", "x-b: 1,2"), with("x-a:", "x-b:")}, not: []policycases.Request{with("x-a: 1", "x-b: 2"), with("x-a: 1"), with("x-b: 1"), nobody}},
		{name: "header same as a part of the path", when: same(inHeader, model.ProxyInput{Kind: model.InputPath, Part: 2}), holds: []policycases.Request{asked("/u/me?x", "me"), asked("/u/me/x", "me"), asked("/u//me", "me"), asked("/u/", "")}, not: []policycases.Request{asked("/me/u", "me"), asked("/u", ""), asked("/u/you", "me"), at("/u/me")}},
		{name: "claim same as one inside another", when: same(model.ProxyInput{Kind: model.InputClaim, Path: []string{"a", "b:c)%"}}, inHeader), holds: []policycases.Request{{Headers: []string{"x-a: 1"}, Claims: map[string]any{"a": map[string]any{"b:c)%": "1"}}}}, not: []policycases.Request{{Headers: []string{"x-a: 1"}, Claims: map[string]any{"a": "1"}}}},
		{name: "all", when: all(header(model.TestIn, "a"), path(model.TestPrefix, "/p")), holds: []policycases.Request{{Path: "/p", Headers: []string{"x-a: a"}}}, not: []policycases.Request{at("/p"), with("x-a: a")}},
		{name: "any", when: either(header(model.TestIn, "a"), path(model.TestPrefix, "/p")), holds: []policycases.Request{at("/p"), with("x-a: a")}, not: []policycases.Request{nobody}},
		{name: "all of not", when: all(negated(header(model.TestIn, "a")), negated(path(model.TestPrefix, "/p"))), holds: []policycases.Request{nobody}, not: []policycases.Request{at("/p"), with("x-a: a")}},
		{name: "all of none", when: all(), holds: []policycases.Request{nobody}},
		{name: "any of none", when: either(), not: []policycases.Request{nobody}},
		{name: "in none", when: header(model.TestIn), not: []policycases.Request{with("x-a: a"), nobody}},
	}} {
		r := envoyrunner.Start(t, harness.Builtin(t))
		var units []envoyrunner.Unit
		for _, c := range batch {
			set := model.AttributeSet{Object: model.Ref{Kind: "AttributeSet", Name: "a"}, Attributes: []model.Attribute{
				{Name: "text", Query: "text"}, {Name: "int", Query: "int", Type: model.AttributeInt, Typed: true},
				{Name: "bool", Query: "bool", Type: model.AttributeBool, Typed: true}, {Name: "list", Query: "list", Type: model.AttributeList, Typed: true}}}
			var sets []model.AttributeSet
			if c.when.Test != nil && c.when.Test.Input.Kind == model.InputAttribute {
				sets = append(sets, set)
			}
			deny := rule("default", model.VerdictDeny, all())
			var padded []model.LoweredRule // makes it a tree
			for i := range 6 {
				padded = append(padded, rule("never", model.VerdictDeny, withValue(c.when, i)))
			}
			padded = append(padded, rule("allow", model.VerdictAllow, c.when), deny)
			for _, l := range []*model.Lowered{
				ruled(rule("allow", model.VerdictAllow, c.when), deny),
				ruled(rule("allow", model.VerdictAllow, negated(c.when)), deny),
				ruled(padded...),
			} {
				units = append(units, envoyrunner.Unit{Rego: []model.RegoPolicy{loweredPolicy("p", l)}, Attributes: sets})
			}
		}
		for _, p := range r.Publish(units...) {
			t.Error(p)
		}
		client := r.Client()
		for i, c := range batch {
			for side, requests := range map[bool][]policycases.Request{true: c.holds, false: c.not} {
				for _, q := range requests {
					for form, allowed := range []bool{side, !side, side} {
						a, err := client.Send(3*i+form, q)
						if err != nil {
							t.Fatalf("%s: %v", c.name, err)
						}
						want := 403
						if allowed {
							want = 200
						}
						if a.Status != want || len(a.Asked) > 0 {
							t.Errorf("%s, form %d: %+v: %d, asked %d times; want %d", c.name, form, q, a.Status, len(a.Asked), want)
						}
					}
				}
			}
		}
	}
}

// withValue is a test of the same input that no request of the table passes.
func withValue(p model.Predicate, i int) model.Predicate {
	if p.Op != model.OpTest {
		return testOf(model.InputHeader, "x-never", model.TestIn, fmt.Sprint(i))
	}
	other := *p.Test
	switch other.How {
	case model.TestIn, model.TestPrefix, model.TestSuffix, model.TestContains, model.TestRegex:
		other.Values = []string{fmt.Sprintf("never-%d", i)}
	case model.TestCIDR:
		other.Values = []string{fmt.Sprintf("192.0.2.%d/32", i)}
	default:
		return testOf(model.InputHeader, "x-never", model.TestIn, fmt.Sprint(i))
	}
	return model.Predicate{Op: model.OpTest, Test: &other}
}
