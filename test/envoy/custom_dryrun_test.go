package envoy_test

import (
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	accesslogdata "github.com/envoyproxy/go-control-plane/envoy/data/accesslog/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/krater-mesh/krater/model"
)

// meddling is an answer that allows, with all that one can change.
func meddling() *authv3.CheckResponse {
	header := []*corev3.HeaderValueOption{{Header: &corev3.HeaderValue{Key: "x-meddled", Value: "yes"}}}
	who, _ := structpb.NewStruct(map[string]any{"krater": "meddled"})
	return &authv3.CheckResponse{Status: &status.Status{}, DynamicMetadata: who, HttpResponse: &authv3.CheckResponse_OkResponse{OkResponse: &authv3.OkHttpResponse{
		Headers: header, HeadersToRemove: []string{"x-mine"}, ResponseHeadersToAdd: header,
		QueryParametersToSet: []*corev3.QueryParameter{{Key: "meddled", Value: "yes"}}, QueryParametersToRemove: []string{"mine"},
	}}}
}

// TestCustomDryRunsAsk has providers asked in shadow: what they would have come
// to is recorded, and the request is what it would have been, even if what they
// answer would change all of it, or if they are slow, away or not declared.
func TestCustomDryRunsAsk(t *testing.T) {
	a, questions, govern := customWorld(t)
	questions.meddle = "/dry"
	var seen *http.Request
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	app := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Header.Set("x-body", string(body))
		seen = r
	})}
	go app.Serve(l)
	t.Cleanup(func() { app.Close() })
	a.snap.Workloads[0].Ports[0].AppPort = uint32(l.Addr().(*net.TCPAddr).Port)
	for i := range a.snap.Mesh.Providers {
		if asks := a.snap.Mesh.Providers[i].ExtAuthz; asks.Host == "ask-h.default.svc.cluster.local" {
			asks.ToUpstream, asks.ToClientOnAllow = []model.StringMatch{{Kind: model.Prefix, Value: "x-"}}, []model.StringMatch{{Kind: model.Prefix, Value: "x-"}}
			asks.Body = &model.CheckedBody{MaxBytes: 8}
		}
	}
	var policies []*model.AuthorizationPolicy
	for _, p := range [][3]string{{"away", "away", "/dry/away"}, {"both-g", "g", "/dry/both"}, {"both-h", "h", "/dry/both"}, {"g", "g", "/dry/g"},
		{"h", "h", "/dry/h"}, {"late", "g", "/dry/late"}, {"unknown", "un:known)", "/dry/unknown"}} {
		dry := customPolicy(p[0], p[1], p[2])
		dry.DryRun, dry.AfterAuthn = true, p[0] == "late"
		policies = append(policies, dry)
	}
	enforced := customPolicy("enforced", "g", "/dry/both/enforced")
	govern(append(policies, enforced)...)
	for _, c := range []struct {
		path, verdict string
		asked         []string
		said          map[string]string // by the provider's key
		refused       bool
	}{
		{path: "/dry/g", asked: []string{"g /dry/g?mine=1"}, said: map[string]string{"g": model.DryRunAllowed}},
		{path: "/dry/g", verdict: "deny-g", asked: []string{"g /dry/g?mine=1"}, said: map[string]string{"g": model.DryRunDenied}},
		{path: "/dry/g/slow", asked: []string{"g /dry/g/slow?mine=1"}, said: map[string]string{"g": model.DryRunRefused}},
		{path: "/dry/h", asked: []string{"h /check/dry/h"}, said: map[string]string{"h": model.DryRunAllowed}},
		{path: "/dry/h", verdict: "deny-h", asked: []string{"h /check/dry/h"}, said: map[string]string{"h": model.DryRunDenied}},
		{path: "/dry/both", verdict: "deny-h", asked: []string{"g /dry/both?mine=1", "h /check/dry/both"}, said: map[string]string{"g": model.DryRunAllowed, "h": model.DryRunDenied}},
		{path: "/dry/both/enforced", verdict: "deny-g", refused: true, asked: []string{"g /dry/both/enforced?mine=1", "g /dry/both/enforced?mine=1"}, said: map[string]string{"g": model.DryRunDenied}},
		{path: "/dry/late", verdict: "deny-g", asked: []string{"g /dry/late?mine=1"}, said: map[string]string{"g_after_authn": model.DryRunDenied}},
		{path: "/dry/away", said: map[string]string{"away": model.DryRunRefused}},
		{path: "/dry/unknown", said: map[string]string{"un=3Aknown=29": model.DryRunRefused}},
	} {
		seen = nil
		id, res := a.ask(rawRequest{Method: "GET", Target: c.path + "?mine=1", Host: "shop.test", Peer: "127.0.0.1", Port: 9080,
			Headers: [][2]string{{"x-verdict", c.verdict}, {"x-mine", "mine"}}})
		entry := a.log.take(t, id)
		got := questions.take()
		if refused := res.StatusCode == http.StatusForbidden; refused != c.refused || !slices.Equal(got, c.asked) {
			t.Errorf("%s %s: %d, asked %q; want %q", c.path, c.verdict, res.StatusCode, got, c.asked)
		}
		for provider, said := range c.said {
			if got := rbacMetadata(entry, "istio_dry_run_said_custom_"+provider+"_shadow_effective_policy_id"); got != said {
				t.Errorf("%s %s: of %s it is recorded %q, want %q", c.path, c.verdict, provider, got, said)
			}
		}
		if !c.refused {
			unchanged(t, c.path, seen, res, entry)
		}
	}
	body := strings.Repeat("more than it takes ", 10)
	res, err := http.Post("http://"+a.wires.to+":9080/dry/h", "text/plain", strings.NewReader(body))
	if err != nil || res.StatusCode != 200 || seen.Header.Get("x-body") != body || !slices.Equal(questions.take(), []string{"h /check/dry/h"}) {
		t.Errorf("a body that is longer than the provider takes: %v %v", res, err)
	}
	_ = res.Body.Close()
}

// unchanged holds a request and its answer to what they were sent as.
func unchanged(t *testing.T, path string, seen *http.Request, res *http.Response, entry *accesslogdata.HTTPAccessLogEntry) {
	t.Helper()
	if seen == nil {
		t.Errorf("%s did not arrive", path)
		return
	}
	if seen.RequestURI != path+"?mine=1" || seen.Header.Get("x-mine") != "mine" || seen.Header.Get("x-meddled")+seen.Header.Get("x-user") != "" {
		t.Errorf("%s arrived as %s %v", path, seen.RequestURI, seen.Header)
	}
	if res.Header.Get("x-meddled")+res.Header.Get("x-user")+res.Header.Get("x-why") != "" {
		t.Errorf("%s was answered with %v", path, res.Header)
	}
	if entry.GetCommonProperties().GetMetadata().GetFilterMetadata()["envoy.filters.http.ext_authz"] != nil {
		t.Errorf("%s: the provider's metadata is there", path)
	}
}
