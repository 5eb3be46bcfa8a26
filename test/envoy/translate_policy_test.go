package envoy_test

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"context"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/xds/translate"
)

func policyOf(name string, action model.Action, rules ...model.AuthorizationRule) *model.AuthorizationPolicy {
	return &model.AuthorizationPolicy{Object: model.Ref{Kind: "AuthorizationPolicy", Namespace: "default", Name: name}, Action: action, Rules: rules}
}

func strs(kind model.MatchKind, values ...string) []model.StringMatch {
	var out []model.StringMatch
	for _, v := range values {
		out = append(out, model.StringMatch{Kind: kind, Value: v})
	}
	return out
}

func operation(o model.Operation) model.AuthorizationRule {
	return model.AuthorizationRule{To: []model.Operation{o}}
}

func when(c ...model.Condition) model.AuthorizationRule { return model.AuthorizationRule{When: c} }

// TestTranslateAuthorization holds Istio's semantics against a real Envoy,
// each set of policies published to the same running one.
func TestTranslateAuthorization(t *testing.T) {
	w := newWorld(t)
	plane, _ := translatePlane(t, w.resources())
	type request struct {
		line   string // METHOD PATH
		header string
		status int
	}
	for _, c := range []struct {
		name     string
		policies []*model.AuthorizationPolicy
		requests []request
	}{
		{"none: allowed", nil, []request{{"GET /", "", 200}}},
		{"ALLOW without rules: nothing", []*model.AuthorizationPolicy{policyOf("a", model.Allow)}, []request{{"GET /", "", 403}}},
		{"ALLOW with an empty rule: all", []*model.AuthorizationPolicy{policyOf("a", model.Allow, model.AuthorizationRule{})}, []request{{"GET /", "", 200}}},
		{"DENY without rules: nothing", []*model.AuthorizationPolicy{policyOf("a", model.Deny)}, []request{{"GET /", "", 200}}},
		{"DENY before ALLOW", []*model.AuthorizationPolicy{policyOf("a", model.Allow, model.AuthorizationRule{}), policyOf("d", model.Deny, operation(model.Operation{Methods: strs(model.Exact, "POST")}))},
			[]request{{"GET /", "", 200}, {"POST /", "", 403}}},
		{"paths without query, normalized", []*model.AuthorizationPolicy{policyOf("d", model.Deny, operation(model.Operation{Paths: strs(model.Exact, "/secret")}))},
			[]request{{"GET /secret?x=1", "", 403}, {"GET //secret", "", 403}, {"GET /a/../secret", "", 403}, {"GET /%73ecret", "", 403}, {"GET /secret/", "", 200}, {"GET /Secret", "", 200}}},
		{"prefix, suffix, any", []*model.AuthorizationPolicy{policyOf("a", model.Allow, operation(model.Operation{Paths: append(strs(model.Prefix, "/pre"), strs(model.Suffix, ".css")...)}))},
			[]request{{"GET /prefix", "", 200}, {"GET /x/y.css?v=1", "", 200}, {"GET /other", "", 403}}},
		{"not", []*model.AuthorizationPolicy{policyOf("d", model.Deny, operation(model.Operation{NotPaths: strs(model.Exact, "/ok"), NotMethods: strs(model.Exact, "HEAD")}))},
			[]request{{"GET /ok", "", 200}, {"HEAD /x", "", 200}, {"GET /x", "", 403}}},
		{"hosts in any case, with and without port", []*model.AuthorizationPolicy{policyOf("d", model.Deny, operation(model.Operation{Hosts: append(strs(model.Exact, "Bad.test"), strs(model.Suffix, ".evil.test")...)}))},
			[]request{{"GET /", "host: bad.TEST", 403}, {"GET /", "host: bad.test:9080", 403}, {"GET /", "host: a.evil.test:1", 403}, {"GET /", "host: bad.test.good", 200}}},
		{"ports", []*model.AuthorizationPolicy{policyOf("d", model.Deny, operation(model.Operation{Ports: []uint32{9081}}))}, []request{{"GET /", "", 200}}},
		{"ports, this one", []*model.AuthorizationPolicy{policyOf("d", model.Deny, operation(model.Operation{Ports: []uint32{9080}}))}, []request{{"GET /", "", 403}}},
		{"source addresses", []*model.AuthorizationPolicy{policyOf("d", model.Deny, model.AuthorizationRule{From: []model.Source{{IPBlocks: []string{"127.0.0.1"}}}})}, []request{{"GET /", "", 403}}},
		{"other source addresses", []*model.AuthorizationPolicy{policyOf("d", model.Deny, model.AuthorizationRule{From: []model.Source{{NotIPBlocks: []string{"127.0.0.0/8"}}}})}, []request{{"GET /", "", 200}}},
		{"remote addresses", []*model.AuthorizationPolicy{policyOf("d", model.Deny, model.AuthorizationRule{From: []model.Source{{RemoteIPBlocks: []string{"192.0.2.0/24"}}}})},
			[]request{{"GET /", "x-forwarded-for: 192.0.2.7", 403}, {"GET /", "", 200}}},
		{"headers", []*model.AuthorizationPolicy{policyOf("a", model.Allow, when(model.Condition{Header: "x-role", Values: append(strs(model.Exact, "admin"), strs(model.Prefix, "ops-")...), NotValues: strs(model.Exact, "ops-guest")}))},
			[]request{{"GET /", "x-role: admin", 200}, {"GET /", "x-role: ops-1", 200}, {"GET /", "x-role: ops-guest", 403}, {"GET /", "x-role: user", 403}, {"GET /", "", 403}}},
		{"absent header under negation", []*model.AuthorizationPolicy{policyOf("d", model.Deny, when(model.Condition{Header: "x-token", NotValues: []model.StringMatch{{Kind: model.Present}}}))},
			[]request{{"GET /", "", 403}, {"GET /", "x-token: 1", 200}}},
		{"all of when, one of to", []*model.AuthorizationPolicy{policyOf("a", model.Allow, model.AuthorizationRule{
			To:   []model.Operation{{Methods: strs(model.Exact, "GET")}, {Paths: strs(model.Exact, "/put")}},
			When: []model.Condition{{Header: "a", Values: strs(model.Exact, "1")}, {Header: "b", Values: []model.StringMatch{{Kind: model.Present}}}}})},
			[]request{{"GET /", "a: 1", 403}, {"PUT /put", "a: 1\nb: 2", 200}, {"GET /x", "a: 1\nb: 2", 200}, {"PUT /x", "a: 1\nb: 2", 403}}},
	} {
		w.snap.Authorization = c.policies
		plane.publish(c.name, w.resources().Set())
		for _, r := range c.requests {
			method, path, _ := strings.Cut(r.line, " ")
			a := do(t, client(newTransport()), method+" http://"+w.address(2)+":9080"+path, strings.Split(r.header, "\n")...)
			if a.StatusCode != r.status {
				t.Errorf("%s: %s %s: %d, want %d", c.name, r.line, r.header, a.StatusCode, r.status)
			}
		}
	}
}

// TestTranslateLimits exhausts buckets in a real Envoy.
func TestTranslateLimits(t *testing.T) {
	w := newWorld(t)
	ref := model.Ref{Kind: "RateLimit", Namespace: "default", Name: "rl"}
	hour := model.Duration(time.Hour)
	limit := func(name string, burst uint32, key []string, m ...model.HTTPMatch) *model.Limit {
		return &model.Limit{Object: ref, Name: name, Key: key, Matches: m, Requests: 1, Burst: burst, Per: hour, Scope: model.ScopeProxy}
	}
	w.snap.Attributes = []*model.AttributeSet{{Object: model.Ref{Kind: "AttributeSet", Namespace: "default", Name: "as"}, Attributes: []model.Attribute{{Name: "plan", Query: "plan"}}}}
	w.snap.Limits = []*model.Limit{
		limit("per-user", 2, []string{"request.headers['End-User']"}, model.HTTPMatch{Path: path(model.Exact, "/user")}),
		limit("either", 1, nil, model.HTTPMatch{Path: path(model.Prefix, "/e")}, model.HTTPMatch{Path: path(model.Regex, "/e[0-9]*"), Method: path(model.Exact, "GET")}),
		limit("per-plan", 1, []string{"plan"}, model.HTTPMatch{Path: path(model.Exact, "/plan")}),
		limit("client", 1, []string{"source.address"}, model.HTTPMatch{Path: path(model.Exact, "/client")}),
		limit("not", 1, nil, model.HTTPMatch{Path: path(model.Exact, "/not"), Headers: []model.HeaderMatch{{Name: "free", Not: true, Match: model.StringMatch{Kind: model.Exact, Value: "yes"}}}}),
	}
	w.start("page-v1", harness.Builtin(t), "")
	for i, r := range []struct {
		path, header string
		status       int
	}{
		{"/user", "end-user: a", 200}, {"/user?x", "end-user: a", 200}, {"/user", "end-user: a", 429},
		{"/user", "end-user: b", 200}, {"/user", "", 200}, {"/user", "", 200}, {"/user", "", 429}, {"/users", "", 200},
		{"/e1", "", 200}, {"/e1", "", 429}, {"/E", "", 200},
		{"/plan?plan=gold", "", 200}, {"/plan?plan=gold", "", 429}, {"/plan?plan=iron", "", 200}, {"/plan", "", 200}, {"/plan", "", 429},
		{"/client", "", 200}, {"/client", "x-forwarded-for: 192.0.2.1", 200}, {"/client", "", 429},
		{"/not", "free: yes", 200}, {"/not", "", 200}, {"/not", "free: yes", 200}, {"/not", "", 429},
	} {
		a := do(t, client(newTransport()), "GET http://"+w.address(2)+":9080"+r.path, r.header)
		if a.StatusCode != r.status {
			t.Errorf("%d: %s %s: %d, want %d", i, r.path, r.header, a.StatusCode, r.status)
		}
		if a.StatusCode == 429 && a.Header.Get("retry-after") == "" {
			t.Errorf("%d: 429 without Retry-After", i)
		}
	}
}

// asked is a policyd that keeps what it was asked, and refuses /no.
type asked struct {
	authv3.UnimplementedAuthorizationServer
	mu   sync.Mutex
	last metadata.MD
	body string
}

func (a *asked) Check(ctx context.Context, r *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last, _ = metadata.FromIncomingContext(ctx)
	http := r.GetAttributes().GetRequest().GetHttp()
	a.body = http.GetBody()
	if http.GetPath() == "/no" {
		return &authv3.CheckResponse{Status: &status.Status{Code: 7}}, nil
	}
	return &authv3.CheckResponse{Status: &status.Status{}}, nil
}

// TestTranslateExtAuthz has a real Envoy ask a daemon, and go without it.
func TestTranslateExtAuthz(t *testing.T) {
	w := newWorld(t)
	rego := func(name string, f model.FailureMode) *model.RegoPolicy {
		return &model.RegoPolicy{Object: model.Ref{Kind: "RegoPolicy", Namespace: "default", Name: name}, Failure: f, Timeout: model.Duration(5 * time.Second)}
	}
	w.snap.Rego = []*model.RegoPolicy{rego("a", model.FailClosed), rego("b", model.FailOpen)}
	w.snap.Authorization = []*model.AuthorizationPolicy{policyOf("d", model.Deny, operation(model.Operation{Paths: strs(model.Exact, "/denied")}))}
	socket := filepath.Join(t.TempDir(), "p.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	daemon, server := &asked{}, grpc.NewServer()
	authv3.RegisterAuthorizationServer(server, daemon)
	go server.Serve(l)
	t.Cleanup(server.Stop)
	w.start("page-v1", translate.Options{}, socket)
	get := func(path string) answer {
		return do(t, client(newTransport()), "GET http://"+w.address(2)+":9080"+path)
	}
	for path, want := range map[string]int{"/yes": 200, "/no": 403} {
		if a := get(path); a.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, a.StatusCode, want)
		}
	}
	workload, _ := w.snap.Workload("page-v1")
	want := map[string]string{"krater-policies": "default/a,default/b", "krater-policy-set": translate.PolicySet(w.snap, workload), "krater-workload": "default/page-v1"}
	daemon.mu.Lock()
	for key, value := range want {
		if got := fmt.Sprint(daemon.last.Get(key)); got != "["+value+"]" {
			t.Errorf("%s is %s, want %s", key, got, value)
		}
	}
	daemon.last = nil
	daemon.mu.Unlock()
	if a := get("/denied"); a.StatusCode != 403 {
		t.Errorf("/denied: %d", a.StatusCode)
	}
	daemon.mu.Lock()
	if daemon.last != nil {
		t.Error("asked about a request that DENY had refused")
	}
	daemon.mu.Unlock()
	server.Stop()
	if a := get("/yes"); a.StatusCode != 403 {
		t.Errorf("without policyd: %d, want 403, since one policy is Closed", a.StatusCode)
	}
}
