package envoy_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"github.com/krater-mesh/krater/explain"
	"github.com/krater-mesh/krater/model"
)

// What routes match, and requests have.
var (
	routePaths   = []string{"/a", "/A", "/a/", "/a/b", "/", "/b", "/a?x=1", "/a%2Fb", "/a.b", "/ab", "/%7Ea", "/~a"}
	routeRegexes = []string{"/a", "/a.*", ".*b", "/[a-z]+", "/a|/b", "(?i)/A.b", "/a/(b|c)", "/.", ".*", "^/a$", "a", "[^é]*", "é.", ".", "adm.*", "x?", "(admin)?", "a.b", "\\d+", "(?s).*b"}
	routeTexts   = []string{"admin", "Admin", "ad", "GET", "http", "shop.test", "é", "1", "a,b", "user,admin", "x", "b"}
	queryTexts   = []string{"", "?x=1", "?x=admin&x=1", "?y=1&x=ad", "?x", "?x=", "?X=1", "?x=%61dmin", "?x=a+b", "?&x=1", "?x=1=2", "?y=x=1", "?x=1;y=2", "?%78=1"}
)

// TestRoutesAgree draws route tables and requests, and holds the route that
// explain takes to the one that a real Envoy names.
func TestRoutesAgree(t *testing.T) {
	a := newAgreement(t)
	a.wires.to = a.snap.Workloads[0].Address
	n, requests, taken, reported := draws(t, 300), 20, map[string]int{}, 0
	for i := range n {
		d := newDrawer(seed(t)+1000, i)
		objects := d.routeTables()
		if !a.route(objects) {
			continue
		}
		for range requests {
			r := d.routedRequest()
			got := a.routed(r)
			taken[got[max(0, len(got)-2):]]++
			if a.explainedRoute(r) == got || !a.misroutes(objects, r) {
				continue
			}
			objects, r = shrink(objects, r, 400, a.misroutes)
			a.route(objects)
			t.Errorf("seed %d, draw %d: explain takes %q, Envoy %q\n%s\n%s", seed(t), i, a.explainedRoute(r), a.routed(r), r, policiesText(t, objects))
			if reported++; reported == 5 {
				t.FailNow() // one cause has many cases
			}
			break
		}
	}
	t.Logf("%d requests, by the last of the route's name: %v", n*requests, taken)
	if n >= 100 && (len(taken) < 5 || taken["1]"] < n*requests/20) {
		t.Error("what is drawn tests too little")
	}
}

// route puts declared route tables in force.
func (a *agreement) route(objects []any) bool {
	contents, ok := entries(a.t, objects)
	if !ok {
		return false
	}
	a.snap.Routes = nil
	for _, c := range contents {
		t := *c.Routes
		for i := range t.HTTP { // the route tells its name
			t.HTTP[i].Headers.Response.Set = map[string]string{"x-route": "%ROUTE_NAME%"}
		}
		a.snap.Routes = append(a.snap.Routes, &t)
	}
	slices.SortFunc(a.snap.Routes, func(x, y *model.RouteTable) int { return cmp.Compare(x.Object.Name, y.Object.Name) })
	a.publish()
	return true
}

func (a *agreement) misroutes(objects []any, r rawRequest) bool {
	return len(objects) > 0 && a.route(objects) && a.explainedRoute(r) != a.routed(r) && a.explainedRoute(r) != a.routed(r)
}

// explainedRoute is the name of the first route that matches, or a status.
func (a *agreement) explainedRoute(r rawRequest) string {
	v := r.view()
	x, err := explain.Explain(a.snap, a.eps, nil, explain.Request{
		From: "page-v1", Host: v.Authority, Method: v.Method, Path: v.Path, Headers: v.Headers, SourceAddress: r.Peer})
	if err != nil {
		a.t.Fatal(err)
	}
	if x.First.Route == nil {
		return "refused"
	}
	if name := x.First.Route.Name; name != "" && x.First.Route.Table != "" {
		return name
	}
	return fmt.Sprint(x.First.Route.Status)
}

// routed is the route that Envoy took, as the answer says.
func (a *agreement) routed(r rawRequest) string {
	r.Port = 15001
	res := a.wires.send(a.t, r)
	switch name := res.Header.Get("x-route"); {
	case name != "":
		return name
	case res.StatusCode == 400:
		return "refused"
	}
	return fmt.Sprint(res.StatusCode)
}

// routeTables draws one or two VirtualServices of one host.
func (d drawer) routeTables() []any {
	var out []any
	for i := range 1 + d.IntN(2) {
		var routes []any
		for range 1 + d.IntN(5) {
			route := map[string]any{"directResponse": map[string]any{"status": 200}}
			var matches []any
			for range d.IntN(4) {
				matches = append(matches, d.match())
			}
			if len(matches) > 0 || d.chance(30) {
				route["match"] = matches
			} else {
				route["match"] = []any{d.match()}
			}
			routes = append(routes, route)
		}
		out = append(out, map[string]any{"apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
			"metadata": map[string]any{"name": fmt.Sprintf("v%d", i)}, "spec": map[string]any{"hosts": []any{reviewsHost}, "http": routes}})
	}
	return out
}

func (d drawer) match() map[string]any {
	m := map[string]any{}
	if d.chance(60) {
		m["uri"] = d.stringMatch(routePaths)
		if d.chance(25) {
			m["ignoreUriCase"] = true
		}
	}
	if d.chance(20) {
		m["method"] = d.stringMatch([]string{"GET", "POST", "get", "G", "HEAD"})
	}
	if d.chance(8) {
		m["scheme"] = d.stringMatch([]string{"http", "https", "HTTP"})
	}
	if d.chance(10) {
		m["authority"] = d.stringMatch([]string{"reviews", "reviews:9080", "Reviews", reviewsHost, "reviews."})
	}
	fields := func(percent int, key string, names ...string) {
		if d.chance(percent) {
			one := map[string]any{d.of(names...): d.stringMatch(routeTexts)}
			if d.chance(15) {
				one = map[string]any{d.of(names...): map[string]any{}} // present
			}
			m[key] = one
		}
	}
	fields(35, "headers", "x-a", "x-a", "x-b", "accept", "cookie", "user-agent")
	fields(25, "withoutHeaders", "x-a", "x-a", "x-b", "accept")
	fields(25, "queryParams", "x", "x", "y", "X")
	return m
}

func (d drawer) stringMatch(texts []string) map[string]any {
	switch kind := d.of("exact", "exact", "prefix", "regex"); kind {
	case "regex":
		return map[string]any{kind: d.of(routeRegexes...)}
	default:
		return map[string]any{kind: d.of(texts...)}
	}
}

// routedRequest draws a call of reviews through page's sidecar.
func (d drawer) routedRequest() rawRequest {
	r := rawRequest{Method: d.of("GET", "GET", "POST", "HEAD"), Peer: "127.0.0.1",
		Host: d.of("reviews", "reviews", "reviews:9080", "Reviews", reviewsHost, "REVIEWS:9080", "reviews.", "reviews.default", "reviews:80", "reviewsx")}
	r.Target = d.of("/", "/a", "/A", "/a/", "/a/b", "/a/c", "/b", "/ab", "/aXb", "/a.b", "/a%2Fb", "/a%2fb", "/%7Ea", "/%61", "//a", "/b/../a", "/1", "/a//b") + d.of(queryTexts...)
	for range d.IntN(4) {
		r.Headers = append(r.Headers, [2]string{d.of("x-a", "x-a", "X-A", "x-b", "accept", "cookie"), d.of("admin", "Admin", "ad", "", "é", "\xe9", "user", "a,b", "1", "x", "administrator", "a b", "é1", "\xe91", "aéb")})
	}
	return r
}
