package policycases_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/test/policycases"
	"github.com/krater-mesh/krater/test/policycases/envoyrunner"
)

// keptSource gives every kind of answer that is kept, and by its inputs.
const keptSource = `package authz

http := input.attributes.request.http

default decision := false

decision if http.headers["x-user"] == "jason"

decision if http.headers["x-user"] == ""

decision if input.attributes.metadataContext.filterMetadata["envoy.filters.http.jwt_authn"].payload.level == 7

decision := {"allowed": false, "http_status": 401, "body": "who are you?\n", "headers": {"www-authenticate": "Bearer"}} if http.path == "/who"

decision := {"allowed": true, "headers": {"x-verified": "yes"}} if http.path == "/headers"
`

func kept(t *testing.T) model.RegoPolicy {
	input := func(ref string, in model.ProxyInput) model.Read { return model.Read{Ref: ref, Input: &in} }
	return model.RegoPolicy{
		Object: model.Ref{Kind: "RegoPolicy", Name: "kept"}, Modules: []model.RegoModule{{Name: "kept.rego", Source: keptSource}},
		Query: "data.authz.decision", Mode: model.Enforce, Failure: model.FailClosed, Timeout: model.Duration(5e9), Lower: model.LowerNever,
		Cache: model.CacheTimes{Allow: 60e9, Deny: 60e9},
		Lowered: &model.Lowered{Reads: []model.Read{
			input("user", model.ProxyInput{Kind: model.InputHeader, Name: "x-user"}), input("path", model.ProxyInput{Kind: model.InputHeader, Name: ":path"}),
			input("level", model.ProxyInput{Kind: model.InputClaim, Path: []string{"level"}}),
			input("peer", model.ProxyInput{Kind: model.InputSourceAddress}),
		}},
	}
}

// What is answered from the cache is what policyd answers, and what differs in
// what the policy reads is asked again.
func TestKeptAnswersAreTheSame(t *testing.T) {
	r := envoyrunner.Start(t, harness.Builtin(t))
	asked := kept(t)
	asked.Cache = model.CacheTimes{}
	for _, p := range r.Publish(envoyrunner.Unit{Rego: []model.RegoPolicy{kept(t)}}, envoyrunner.Unit{Rego: []model.RegoPolicy{asked}}) {
		t.Error(p)
	}
	client := r.Client()
	send := func(unit int, q policycases.Request) envoyrunner.Answer {
		t.Helper()
		a, err := client.Send(unit, q)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	for _, c := range []struct {
		name  string
		kept  bool
		first policycases.Request
	}{
		{"an allow", true, policycases.Request{Headers: []string{"x-user: jason"}}},
		{"a denial", true, policycases.Request{Headers: []string{"x-user: mallory"}}},
		{"no user", true, policycases.Request{}},
		{"an empty one", true, policycases.Request{Headers: []string{"x-user:"}}},
		{"two", true, policycases.Request{Headers: []string{"x-user: jason", "x-user: mallory"}}},
		{"two others", true, policycases.Request{Headers: []string{"x-user: jason", "x-user: jason"}}},
		{"bytes", true, policycases.Request{RawHeaders: []policycases.Raw{{Name: "x-user", Base64: "6Q=="}}}},
		{"other bytes", true, policycases.Request{RawHeaders: []policycases.Raw{{Name: "x-user", Base64: "6g=="}}}},
		{"a denial with words", true, policycases.Request{Path: "/who"}},
		{"with a query", true, policycases.Request{Path: "/who?x"}},
		{"changed headers", false, policycases.Request{Path: "/headers"}},
		{"a claim", true, policycases.Request{Claims: map[string]any{"level": 7}}},
		{"a claim's text", true, policycases.Request{Claims: map[string]any{"level": "7"}}},
		{"null", true, policycases.Request{Claims: map[string]any{"level": nil}}},
		{"a path that cannot be read", false, policycases.Request{Path: "/%zz", Headers: []string{"x-user: jason"}}},
		{"HTTP/2", true, policycases.Request{Path: "/two", Protocol: "HTTP/2", Headers: []string{"x-user: jason"}}},
		{"gRPC", false, policycases.Request{Path: "/p.S/M", Method: "POST", Protocol: "HTTP/2", Headers: []string{"content-type: application/grpc", "te: trailers"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := send(1, c.first)
			for i := range 3 {
				a := send(0, c.first)
				if hit := len(a.Asked) == 0; hit != (c.kept && i > 0) {
					t.Errorf("request %d: policyd was asked %d times", i, len(a.Asked))
				}
				if diff := cmp.Diff(seen(want), seen(a)); diff != "" {
					t.Errorf("request %d differs (-asked +kept):\n%s", i, diff)
				}
			}
		})
	}
}

// seen is what tells two answers apart.
func seen(a envoyrunner.Answer) string {
	for _, name := range []string{"date", "x-request-id", "x-envoy-upstream-service-time"} {
		a.Header.Del(name)
	}
	return fmt.Sprintf("%d %v %q reached %v", a.Status, a.Header, a.Body, a.Upstream != nil)
}
