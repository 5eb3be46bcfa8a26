package envoy_test

import (
	"testing"

	"github.com/krater-mesh/krater/model"
)

// TestAuthorizationTraps holds what was once decided otherwise than explained,
// or otherwise than meant.
func TestAuthorizationTraps(t *testing.T) {
	a := newAgreement(t)
	header := func(name string, values ...model.StringMatch) model.AuthorizationRule {
		return when(model.Condition{Header: name, Values: values})
	}
	host := func(kind model.MatchKind, value string) model.AuthorizationRule {
		return operation(model.Operation{Hosts: strs(kind, value)})
	}
	remote := func(block string) model.AuthorizationRule {
		return model.AuthorizationRule{From: []model.Source{{RemoteIPBlocks: []string{block}}}}
	}
	present := model.StringMatch{Kind: model.Present}
	admin := model.StringMatch{Kind: model.Exact, Value: "admin"}
	for _, c := range []struct {
		name    string
		rule    model.AuthorizationRule
		host    string
		headers [][2]string
		matches bool
	}{
		{"one of several values is enough", header("x-a", admin), "x", [][2]string{{"x-a", "user"}, {"X-A", "admin"}}, true},
		{"values are not joined", header("x-a", strs(model.Exact, "user,admin")...), "x", [][2]string{{"x-a", "user"}, {"x-a", "admin"}}, false},
		{"but for those that Envoy keeps as one", header("accept", strs(model.Exact, "user,admin")...), "x", [][2]string{{"accept", "user"}, {"accept", "admin"}}, true},
		{"which are then no single value", header("accept", admin), "x", [][2]string{{"accept", "user"}, {"accept", "admin"}}, false},
		{"no value may be one that must not be", when(model.Condition{Header: "x-a", NotValues: []model.StringMatch{admin}}), "x", [][2]string{{"x-a", "user"}, {"x-a", "admin"}}, false},
		{"the proxy's own header is made", header("x-forwarded-proto", strs(model.Exact, "http")...), "x", nil, true},
		{"and the request's id", header("x-request-id", present), "x", nil, true},
		{"nobody is internal", header("x-envoy-internal", present), "x", [][2]string{{"x-forwarded-for", "127.0.0.1"}}, false},
		{"and nobody steers the proxy", header("x-envoy-retry-on", present), "x", [][2]string{{"x-forwarded-for", "10.0.0.1"}, {"x-envoy-retry-on", "5xx"}}, false},
		{"a last dot is none", host(model.Exact, "shop.test"), "shop.test.", nil, true},
		{"nor before a port", host(model.Exact, "shop.test"), "shop.test.:80", nil, true},
		{"a pattern with a port is of that port", host(model.Suffix, ":80"), "shop.test:80:90", nil, false},
		{"IPv4 as IPv6 is no IPv4", remote("0.0.0.0/0"), "x", [][2]string{{"x-forwarded-for", "::ffff:10.0.0.1"}}, false},
		{"a zone is no part of an address", remote("fe80::1"), "x", [][2]string{{"x-forwarded-for", "fe80::1%lo"}}, true},
	} {
		a.snap.Authorization = []*model.AuthorizationPolicy{policyOf("p", model.Deny, c.rule)}
		a.publish()
		r := rawRequest{Method: "GET", Target: "/", Host: c.host, Headers: c.headers, Peer: "127.0.0.1", Port: 9080}
		want := verdict{what: "allowed"}
		if c.matches {
			want = verdict{what: "denied", rule: a.snap.Authorization[0].RuleID(0)}
		}
		if got := a.explained(r); got != want {
			t.Errorf("%s: explain says %v, want %v", c.name, got, want)
		}
		if got := a.decided(r); got != want {
			t.Errorf("%s: Envoy says %v, want %v", c.name, got, want)
		}
	}
}
