package envoy_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/translate"
)

func newTransport() *http.Transport { return &http.Transport{} }

func path(kind model.MatchKind, value string) *model.StringMatch {
	return &model.StringMatch{Kind: kind, Value: value}
}

func to(subset string, weight uint32) model.Destination {
	return model.Destination{Host: reviewsHost, Namespace: "default", Subset: subset, Port: 9080, Weight: weight}
}

func on(m ...model.HTTPMatch) []model.HTTPMatch { return m }

func routeTable(name string, routes ...model.HTTPRoute) *model.RouteTable {
	return &model.RouteTable{Object: model.Ref{Kind: "VirtualService", Namespace: "default", Name: name},
		Hosts: []string{reviewsHost}, Gateways: []string{model.MeshGateway}, HTTP: routes}
}

func testRoutes() []model.HTTPRoute {
	v1, v2, v3 := []model.Destination{to("v1", 1)}, []model.Destination{to("v2", 1)}, []model.Destination{to("v3", 1)}
	halfSecond := model.Duration(500 * time.Millisecond)
	return []model.HTTPRoute{
		{Name: "jason", Matches: on(model.HTTPMatch{Headers: []model.HeaderMatch{{Name: "end-user", Match: model.StringMatch{Kind: model.Exact, Value: "jason"}}}}), Destinations: v2},
		{Name: "exact", Matches: on(model.HTTPMatch{Path: path(model.Exact, "/exact")}), Destinations: v3},
		{Name: "case", Matches: on(model.HTTPMatch{Path: &model.StringMatch{Kind: model.Prefix, Value: "/Case", IgnoreCase: true}}), Destinations: v3},
		{Name: "regex", Matches: on(model.HTTPMatch{Path: path(model.Regex, "/r/[0-9]+"), Method: path(model.Exact, "GET")}), Destinations: v3},
		{Name: "query", Matches: on(model.HTTPMatch{Path: path(model.Exact, "/q"), Query: []model.QueryMatch{{Name: "a", Match: model.StringMatch{Kind: model.Exact, Value: "1"}}}}), Destinations: v3},
		{Name: "not", Matches: on(model.HTTPMatch{Path: path(model.Exact, "/not"), Headers: []model.HeaderMatch{{Name: "x", Not: true, Match: model.StringMatch{Kind: model.Exact, Value: "no"}}}}), Destinations: v3},
		{Name: "moved", Matches: on(model.HTTPMatch{Path: path(model.Prefix, "/old")}), Redirect: &model.Redirect{URI: "/new", Authority: "example.com", Code: 301}},
		{Name: "teapot", Matches: on(model.HTTPMatch{Path: path(model.Exact, "/teapot")}), Direct: &model.DirectResponse{Status: 418, Body: "short"}},
		{Name: "rewrite", Matches: on(model.HTTPMatch{Path: path(model.Prefix, "/deep/")}), Destinations: v1,
			Rewrite: &model.Rewrite{URI: "/", Authority: "inner.test"},
			Headers: model.HeaderChanges{Request: model.HeaderOps{Set: map[string]string{"x-set": "1"}, Remove: []string{"x-gone"}}, Response: model.HeaderOps{Add: map[string]string{"x-back": "2"}}}},
		{Name: "number", Matches: on(model.HTTPMatch{Path: path(model.Prefix, "/n/")}), Destinations: v1,
			Rewrite: &model.Rewrite{Regex: &model.RegexRewrite{Match: "/n/([0-9]+)", Rewrite: `/number/\1`}}},
		{Name: "abort", Matches: on(model.HTTPMatch{Path: path(model.Exact, "/abort")}), Destinations: v1, Fault: &model.Fault{Abort: &model.FaultAbort{Status: 555, Percent: 100}}},
		{Name: "delay", Matches: on(model.HTTPMatch{Path: path(model.Exact, "/delay")}), Destinations: v1, Fault: &model.Fault{Delay: &model.FaultDelay{Fixed: halfSecond, Percent: 100}}},
		{Name: "retry", Matches: on(model.HTTPMatch{Path: path(model.Exact, "/retry")}), Destinations: []model.Destination{to("", 1)},
			Retries: &model.Retries{Attempts: 2, RetryOnStatus: []uint32{503}}},
		{Name: "source", Matches: on(model.HTTPMatch{Path: path(model.Exact, "/source"), SourceLabels: map[string]string{"app": "other"}}), Destinations: v3},
		{Name: "split", Destinations: []model.Destination{to("v1", 80), to("v3", 20)}},
	}
}

// TestTranslateRoutes sends requests through a real sidecar, by absolute form.
func TestTranslateRoutes(t *testing.T) {
	w := newWorld(t)
	w.snap.Routes = []*model.RouteTable{routeTable("reviews", testRoutes()...)}
	w.start("page-v1", translate.Options{}, "")
	c := w.proxied()
	const base = "http://reviews:9080"
	for _, r := range []struct {
		request string
		header  string
		status  int
		who     string
	}{
		{"GET " + base + "/any", "end-user: jason", 200, "v2"},
		{"GET " + base + "/exact?x=1", "", 200, "v3"},
		{"GET " + base + "/cASe/x", "", 200, "v3"},
		{"GET " + base + "/r/12?x", "", 200, "v3"},
		{"GET " + base + "/q?b=2&a=1", "", 200, "v3"},
		{"GET " + base + "/not", "", 200, "v3"},
		{"GET " + base + "/old/x", "", 301, ""},
		{"GET " + base + "/teapot", "", 418, ""},
		{"GET " + base + "/abort", "", 555, ""},
		{"GET http://unknown:9080/", "", 502, ""},
		{"GET http://reviews.default/any", "end-user: jason", 200, "v2"},
		{"GET http://REVIEWS.default.svc.cluster.local:9080/any", "end-user: jason", 200, "v2"},
		{"GET http://reviews.default.svc:9081/any", "", 502, ""},
	} {
		a := do(t, c, r.request, r.header)
		if a.StatusCode != r.status || a.echo.Who != r.who {
			t.Errorf("%s %s: %d by %q, want %d by %q", r.request, r.header, a.StatusCode, a.echo.Who, r.status, r.who)
		}
	}
	if a := do(t, c, "GET "+base+"/old/x"); a.Header.Get("location") != "http://example.com/new" {
		t.Errorf("redirected to %s", a.Header.Get("location"))
	}
	a := do(t, c, "GET "+base+"/deep/down?q=1", "x-gone: here")
	if a.echo.Path != "/down?q=1" || a.echo.Host != "inner.test" || a.echo.Headers.Get("x-set") != "1" || a.echo.Headers.Get("x-gone") != "" || a.Header.Get("x-back") != "2" {
		t.Errorf("rewritten to %+v, answer %v", a.echo, a.Header)
	}
	if a.echo.From != w.address(2) {
		t.Errorf("the upstream was called from %s, want the workload's own address", a.echo.From)
	}
	if a := do(t, c, "GET "+base+"/n/42"); a.echo.Path != "/number/42" {
		t.Errorf("rewritten to %s", a.echo.Path)
	}
	begin := time.Now()
	do(t, c, "GET "+base+"/delay")
	if took := time.Since(begin); took < 490*time.Millisecond {
		t.Errorf("the delay took %s", took)
	}
	sent := w.seen.Load()
	if a := do(t, c, "GET "+base+"/retry", "x-answer: 503"); a.StatusCode != 503 || w.seen.Load()-sent != 3 {
		t.Errorf("answered %d after %d attempts, want 503 after 3", a.StatusCode, w.seen.Load()-sent)
	}
	shares := map[string]int{}
	for range 200 {
		shares[do(t, c, "GET "+base+"/source").echo.Who]++
	}
	if shares["v1"] < 130 || shares["v1"] > 185 || shares["v1"]+shares["v3"] != 200 {
		t.Errorf("shares of 80/20 over 200 requests: %v", shares)
	}
}

// TestTranslateGateway sends requests through a real gateway.
func TestTranslateGateway(t *testing.T) {
	w := newWorld(t)
	w.snap.Gateways = []*model.Gateway{{Object: model.Ref{Kind: "Gateway", Namespace: "default", Name: "gw"},
		Selector: model.Selector{Labels: map[string]string{"istio": "ingressgateway"}},
		Servers: []model.GatewayServer{
			{Port: 80, Protocol: model.HTTP, Hosts: []string{"*.test"}, Namespaces: []string{""}},
			{Port: 80, Protocol: model.HTTP, Hosts: []string{"secure.test"}, Namespaces: []string{""}, HTTPSRedirect: true},
		}}}
	table := routeTable("page", model.HTTPRoute{Name: "r", Matches: on(model.HTTPMatch{Path: path(model.Prefix, "/reviews")}), Destinations: []model.Destination{to("v1", 1)}})
	table.Hosts, table.Gateways = []string{"www.test", "other.org"}, []string{"default/gw"}
	w.snap.Routes = []*model.RouteTable{table}
	w.start("edge", translate.Options{}, "")
	at := "GET http://" + w.address(1) + ":8080"
	for _, r := range []struct {
		path, host string
		status     int
	}{
		{"/reviews/1", "www.test", 200}, {"/reviews/1", "www.test:8080", 200}, {"/other", "www.test", 404},
		{"/reviews/1", "other.org", 404}, {"/reviews/1", "else.test", 404}, {"/reviews/1", "secure.test", 301},
		{"//reviews/../reviews//1", "www.test", 200},
	} {
		a := do(t, client(newTransport()), at+r.path, "host: "+r.host)
		if a.StatusCode != r.status {
			t.Errorf("%s %s: %d, want %d", r.host, r.path, a.StatusCode, r.status)
		}
	}
	a := do(t, client(newTransport()), at+"/reviews/1", "host: www.test", "x-request-id: mine")
	if a.echo.From != w.address(1) || a.echo.Headers.Get("x-forwarded-for") == "" {
		t.Errorf("called from %s with X-Forwarded-For %q", a.echo.From, a.echo.Headers.Get("x-forwarded-for"))
	}
	if a.echo.Headers.Get("x-request-id") != "mine" || a.Header.Get("x-request-id") != "mine" {
		t.Errorf("request id %q upstream, %q in the answer; want mine", a.echo.Headers.Get("x-request-id"), a.Header.Get("x-request-id"))
	}
}
