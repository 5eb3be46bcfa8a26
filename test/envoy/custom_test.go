package envoy_test

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	accesslogdata "github.com/envoyproxy/go-control-plane/envoy/data/accesslog/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/translate"
)

// providerAsked are the questions that providers got, as "NAME PATH".
type providerAsked struct {
	authv3.UnimplementedAuthorizationServer
	mu   sync.Mutex
	list []string
	// meddle begins the paths of which what is allowed is changed, too.
	meddle string
}

func (a *providerAsked) note(name, path string, headers func(string) string) (allowed bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.list = append(a.list, name+" "+path)
	return !strings.Contains(headers("x-verdict"), "deny-"+name)
}

func (a *providerAsked) take() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := a.list
	a.list = nil
	return out
}

// Check implements the gRPC provider "g".
func (a *providerAsked) Check(ctx context.Context, r *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	h := r.GetAttributes().GetRequest().GetHttp()
	if h == nil && !a.aboutConnection(r.GetAttributes().GetSource().GetAddress().GetSocketAddress().GetAddress()) {
		return &authv3.CheckResponse{Status: &status.Status{Code: int32(codes.PermissionDenied)}}, nil
	}
	if h == nil {
		return meddling(), nil
	}
	if strings.Contains(h.GetPath(), "/slow") {
		a.note("g", h.GetPath(), func(string) string { return "" })
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if a.note("g", h.GetPath(), func(name string) string { return h.GetHeaders()[name] }) {
		if a.meddle != "" && strings.HasPrefix(h.GetPath(), a.meddle) {
			return meddling(), nil
		}
		return &authv3.CheckResponse{Status: &status.Status{}, HttpResponse: &authv3.CheckResponse_OkResponse{OkResponse: &authv3.OkHttpResponse{}}}, nil
	}
	return &authv3.CheckResponse{Status: &status.Status{Code: int32(codes.PermissionDenied)}}, nil
}

// ServeHTTP is the HTTP provider "h".
func (a *providerAsked) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	rw.Header().Set("x-user", "bob")
	rw.Header().Set("x-why", r.Header.Get("x-by"))
	if a.meddle != "" {
		rw.Header().Set("x-envoy-auth-headers-to-remove", "x-mine")
	}
	if !a.note("h", r.URL.Path, r.Header.Get) {
		rw.WriteHeader(http.StatusUnauthorized)
	}
}

// customWorld has both providers, one whose server is not there, and a policy
// for each.
func customWorld(t *testing.T) (*agreement, *providerAsked, func(policies ...*model.AuthorizationPolicy)) {
	a, questions := newAgreement(t), &providerAsked{}
	l, err := net.Listen("tcp", a.address(7)+":9080")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	authv3.RegisterAuthorizationServer(server, questions)
	go server.Serve(l)
	t.Cleanup(server.Stop)
	a.app("h", a.address(8)+":9080", questions)
	for i, name := range []string{"g", "h", "away"} {
		host := "ask-" + name + ".default.svc.cluster.local"
		protocol := model.GRPC
		if name == "h" {
			protocol = model.HTTP
		}
		a.snap.Services = append(a.snap.Services, &model.Service{Host: host, Namespace: "default", Name: "ask-" + name, Resolution: model.ResolutionStatic,
			Ports: []model.Port{{Number: 9080, Name: "p", Protocol: protocol}}})
		a.eps = append(a.eps, &model.ServiceEndpoints{Service: model.ServiceKey{Host: host, Namespace: "default"},
			Endpoints: []model.Endpoint{{Address: a.address(7 + i), Health: model.Healthy, Weight: 1}}})
		asks := &model.ExtAuthz{Host: host, Port: 9080, Timeout: model.Duration(10 * time.Second), HTTP: name == "h"}
		switch name {
		case "h":
			asks.Headers = []model.StringMatch{{Kind: model.Exact, Value: "x-verdict"}}
			asks.PathPrefix, asks.Added = "/check", []model.HeaderText{{Name: "x-by", Value: "krater"}}
			asks.ToClientOnDeny = []model.StringMatch{{Kind: model.Prefix, Value: "x-w"}}
		case "away":
			asks.StatusOnError = 503
		}
		a.snap.Mesh.Providers = append(a.snap.Mesh.Providers, model.Provider{Name: name, ExtAuthz: asks})
	}
	slices.SortFunc(a.snap.Services, func(x, y *model.Service) int { return strings.Compare(x.Host, y.Host) })
	a.eps.Sort()
	return a, questions, func(policies ...*model.AuthorizationPolicy) {
		a.snap.Authorization = policies
		a.snap.Seal()
		w, _ := a.snap.Workload("page-v1")
		r, _ := translate.Translate(a.snap, a.eps, w, noOptions) // an unknown provider is a Problem
		a.published++
		a.plane.publish("custom "+time.Now().String(), r.Set())
	}
}

func customPolicy(name, provider, path string) *model.AuthorizationPolicy {
	return &model.AuthorizationPolicy{Object: model.Ref{Kind: "AuthorizationPolicy", Namespace: "default", Name: name},
		Selector: model.Selector{Namespace: "default"}, Action: model.Custom, Provider: provider,
		Rules: []model.AuthorizationRule{{To: []model.Operation{{Paths: []model.StringMatch{{Kind: model.Prefix, Value: path}}}}}}}
}

// TestCustomAsksItsProviders has a real Envoy ask two of them, one that is away,
// and one that nobody declared.
func TestCustomAsksItsProviders(t *testing.T) {
	a, questions, govern := customWorld(t)
	dry := customPolicy("dry", "g", "/dry")
	dry.DryRun = true
	behind := customPolicy("behind", "g", "/late")
	behind.AfterAuthn = true
	govern(customPolicy("away", "away", "/away"), behind, customPolicy("both", "h", "/both"), dry,
		customPolicy("first", "g", "/both"), customPolicy("g", "g", "/g"), customPolicy("h", "h", "/h"),
		customPolicy("unknown", "unknown", "/lost"))
	for _, c := range []struct {
		path, verdict string
		status        int
		asked         []string
		tag           string // the rule that was being asked about in the end
		metadata      [2]string
	}{
		{path: "/free", verdict: "deny-g deny-h", status: 200},
		{path: "/g", status: 200, asked: []string{"g /g"}, metadata: [2]string{"custom_g_shadow_effective_policy_id", "g"}},
		{path: "/g", verdict: "deny-g", status: 403, asked: []string{"g /g"}, tag: "g"},
		{path: "/h?x=1", status: 200, asked: []string{"h /check/h"}},
		{path: "/h", verdict: "deny-h", status: 401, asked: []string{"h /check/h"}, tag: "h"},
		{path: "/both", status: 200, asked: []string{"g /both", "h /check/both"}},
		{path: "/both", verdict: "deny-h", status: 401, asked: []string{"g /both", "h /check/both"}, tag: "both"},
		{path: "/both", verdict: "deny-g", status: 403, asked: []string{"g /both"}, tag: "first"},
		{path: "/late", status: 200, asked: []string{"g /late"}},
		{path: "/late", verdict: "deny-g", status: 403, asked: []string{"g /late"}, tag: "behind"},
		{path: "/away", status: 503, tag: "away"},
		{path: "/lost", status: 403},
		{path: "/dry", verdict: "deny-g", status: 200, asked: []string{"g /dry"}, metadata: [2]string{"istio_dry_run_custom_g_shadow_effective_policy_id", "dry"}},
	} {
		r := rawRequest{Method: "GET", Target: c.path, Host: "shop.test", Peer: "127.0.0.1", Port: 9080, Headers: [][2]string{{"x-verdict", c.verdict}}}
		id, res := a.ask(r)
		entry := a.log.take(t, id)
		rule := func(policy string) string { return "AuthorizationPolicy/default/" + policy + "/rule[0]" }
		got := questions.take()
		want := ""
		if c.tag != "" {
			want = rule(c.tag)
		}
		if res.StatusCode != c.status || !slices.Equal(got, c.asked) || customTag(entry) != want {
			t.Errorf("%s %s: %d, asked %q, by %q; want %d, %q, %q", c.path, c.verdict, res.StatusCode, got, customTag(entry), c.status, c.asked, want)
		}
		if c.status == 401 && (res.Header.Get("x-why") != "krater" || res.Header.Get("x-user") != "") {
			t.Errorf("%s: the provider's headers came as %v", c.path, res.Header)
		}
		if key := c.metadata[0]; key != "" && rbacMetadata(entry, key) != rule(c.metadata[1]) {
			t.Errorf("%s: %s is %q", c.path, key, rbacMetadata(entry, key))
		}
		if c.path == "/lost" && entry.GetResponse().GetResponseCodeDetails() != "rbac_access_denied_matched_policy["+rule("unknown")+"]" {
			t.Errorf("%s: %s", c.path, entry.GetResponse().GetResponseCodeDetails())
		}
	}
}

func customTag(e *accesslogdata.HTTPAccessLogEntry) string {
	return e.GetCommonProperties().GetCustomTags()["krater.custom"]
}

func rbacMetadata(e *accesslogdata.HTTPAccessLogEntry, key string) string {
	return e.GetCommonProperties().GetMetadata().GetFilterMetadata()["envoy.filters.http.rbac"].GetFields()[key].GetStringValue()
}
