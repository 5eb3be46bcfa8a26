package envoyrunner_test

import (
	"testing"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/policycases"
	"github.com/krater-mesh/krater/test/policycases/envoyrunner"
	"github.com/krater-mesh/krater/xds/translate"
)

const source = `package authz

import input.attributes.request.http

default allow := false

allow if http.headers["x-a"] == "1"

allow if input.attributes.source.principal == "spiffe://cluster.local/ns/a/sa/b"

allow if input.attributes.metadataContext.filterMetadata["envoy.filters.http.jwt_authn"].payload.role == "admin"
`

// TestRunner sends over each of the ways.
func TestRunner(t *testing.T) {
	r := envoyrunner.Start(t, translate.Options{})
	policy := model.RegoPolicy{Object: model.Ref{Name: "p"}, Modules: []model.RegoModule{{Name: "a.rego", Source: source}},
		Query: "data.authz.allow", Mode: model.Enforce, Failure: model.FailClosed, Timeout: model.Duration(5e9), Lower: model.LowerNever}
	for _, p := range r.Publish(envoyrunner.Unit{Rego: []model.RegoPolicy{policy}}, envoyrunner.Unit{}) {
		t.Error(p)
	}
	c := r.Client()
	peer := policycases.Endpoint{Address: "127.0.0.1", Principal: "spiffe://cluster.local/ns/a/sa/b"}
	for _, test := range []struct {
		name    string
		unit    int
		request policycases.Request
		status  int
		asked   int
	}{
		{"denied", 0, policycases.Request{}, 403, 1},
		{"no policy", 1, policycases.Request{}, 200, 0},
		{"by a header", 0, policycases.Request{Headers: []string{"X-A: 1"}}, 200, 1},
		{"over HTTP/2", 0, policycases.Request{Headers: []string{"x-a: 1"}, Protocol: "HTTP/2", Body: "x", Trailers: []string{"t: 1"}}, 200, 1},
		{"over TLS", 0, policycases.Request{Source: peer}, 200, 1},
		{"over HTTP/2 and TLS", 0, policycases.Request{Source: peer, Protocol: "HTTP/2", SNI: "a.test"}, 200, 1},
		{"with other claims", 0, policycases.Request{Claims: map[string]any{"role": "user"}}, 403, 1},
		{"with trailers", 0, policycases.Request{Method: "POST", Headers: []string{"x-a: 1"}, Body: "body", Trailers: []string{"t: 1"}}, 200, 1},
	} {
		a, err := c.Send(test.unit, test.request)
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if a.Status != test.status || len(a.Asked) != test.asked || (a.Upstream != nil) != (test.status == 200) {
			t.Errorf("%s: %d %q, asked %d times, upstream %+v", test.name, a.Status, a.Body, len(a.Asked), a.Upstream)
		}
		if a.Upstream != nil && a.Upstream.Body != test.request.Body {
			t.Errorf("%s: the application got %q", test.name, a.Upstream.Body)
		}
	}
}
