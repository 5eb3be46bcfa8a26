package envoy_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/explain"
)

// TestForwardedAgree draws what routes do with requests, and compares what
// explain says with what comes of them: the answer's status, Location and CORS
// headers, or what reached which upstream.
func TestForwardedAgree(t *testing.T) {
	a := newAgreement(t)
	a.wires.to = a.snap.Workloads[0].Address
	n, requests, kinds, reported := draws(t, 150), 20, map[string]int{}, 0
	for i := range n {
		d := newDrawer(seed(t)+2000, i)
		objects := d.doingTables()
		if !a.route(objects) {
			continue
		}
		for range requests {
			r := d.doneRequest()
			got := a.done(r)
			kinds[got.kind()]++
			if a.explainedAs(r, got) == "" || !a.undone(objects, r) {
				continue
			}
			objects, r = shrink(objects, r, 400, a.undone)
			a.route(objects)
			got = a.done(r)
			t.Errorf("seed %d, draw %d: %s\n%s\n%s", seed(t), i, a.explainedAs(r, got), r, policiesText(t, objects))
			if reported++; reported == 5 {
				t.FailNow() // one cause has many cases
			}
			break
		}
	}
	t.Logf("%d requests, by what came of them: %v", n*requests, kinds)
	if n >= 100 && (kinds["forwarded"] < n || kinds["redirected"] < 20 || kinds["preflight"] < n/10) {
		t.Error("what is drawn tests too little")
	}
}

func (a *agreement) undone(objects []any, r rawRequest) bool {
	return len(objects) > 0 && a.route(objects) && a.explainedAs(r, a.done(r)) != "" && a.explainedAs(r, a.done(r)) != ""
}

// doing is what came of a request.
type doing struct {
	status          int
	route, location string
	cors            map[string]string
	upstream        *echo
}

func (d doing) kind() string {
	switch {
	case d.upstream != nil:
		return "forwarded"
	case d.location != "":
		return "redirected"
	case d.cors["methods"]+d.cors["origin"] != "":
		return "preflight"
	}
	return "answered"
}

var corsHeaders = []string{"origin", "credentials", "methods", "headers"}

// done sends a request through page's sidecar.
func (a *agreement) done(r rawRequest) doing {
	r.Port = 15001
	res, body := a.wires.exchange(a.t, r)
	if res.StatusCode == 503 { // an upstream may have closed a connection that was idle
		res, body = a.wires.exchange(a.t, r)
	}
	out := doing{status: res.StatusCode, route: res.Header.Get("x-route"), location: res.Header.Get("location"), cors: map[string]string{}}
	for _, name := range corsHeaders {
		if v, ok := res.Header[http.CanonicalHeaderKey("access-control-allow-"+name)]; ok {
			out.cors[name] = strings.Join(v, ",")
		}
	}
	if seen := (echo{}); json.Unmarshal(body, &seen) == nil && seen.Who != "" {
		out.upstream = &seen
	}
	return out
}

// explainedAs says what of an outcome explain has otherwise; "": nothing.
func (a *agreement) explainedAs(r rawRequest, got doing) string {
	v := r.view()
	x, err := explain.Explain(a.snap, a.eps, nil, explain.Request{
		From: "page-v1", Host: v.Authority, Method: v.Method, Path: v.Path, Headers: v.Headers, SourceAddress: r.Peer})
	if err != nil {
		a.t.Fatal(err)
	}
	verdict, step := x.Outcomes[0].Verdict, x.First.Route
	preflight := verdict.Details == "cors_response"
	switch {
	case step == nil:
		return differ("status", uint32(got.status), verdict.Status)
	case step.Table != "" && step.Name != got.route && !preflight:
		return differ("route", got.route, step.Name)
	case got.upstream == nil:
		if preflight {
			return differ("CORS headers", fmt.Sprint(got.cors), fmt.Sprint(preflightOf(step)))
		}
		// An application answers 400 to a path that is none, before it is asked.
		bad := slices.ContainsFunc(step.Targets, func(t explain.Target) bool { return !strings.HasPrefix(t.Request.Path, "/") })
		if !bad && !slices.ContainsFunc(x.Outcomes, func(o explain.Outcome) bool { return !o.Verdict.Upstream && int(o.Verdict.Status) == got.status }) {
			return differ("status", fmt.Sprint(got.status), fmt.Sprint(verdict.Status, " ", verdict.Reason))
		}
		return differ("location", got.location, step.Location)
	}
	return a.forwardedAs(v, *step, got)
}

// forwardedAs compares what an upstream saw with the targets that it may be of.
func (a *agreement) forwardedAs(v explain.View, step explain.RouteStep, got doing) string {
	if allowed := step.CORS != nil && explain.AllowsOrigin(*step.CORS, v); allowed != (got.cors["origin"] != "") {
		return differ("origin allowed", fmt.Sprint(got.cors), fmt.Sprint(allowed))
	}
	found := differ("upstream", got.upstream.Who, fmt.Sprint(step.Targets))
	for _, t := range step.Targets {
		if !slices.ContainsFunc(t.Endpoints, func(s explain.Server) bool { return s.Workload == "default/reviews-"+got.upstream.Who }) {
			continue
		}
		if found = got.upstream.differs(t.Request); found == "" {
			break
		}
	}
	return found
}

// differs tells what an upstream saw otherwise than explained.
func (e echo) differs(want explain.View) string {
	for _, name := range []string{"x-a", "x-b", "x-c"} {
		if have := strings.Join(e.Headers.Values(name), "|"); have != strings.Join(want.Headers[name], "|") {
			return differ(name, have, strings.Join(want.Headers[name], "|"))
		}
	}
	if e.Path != want.Path {
		return differ("path", e.Path, want.Path)
	}
	return differ("authority", e.Host, want.Authority)
}

// preflightOf has what explain says of the headers that are compared.
func preflightOf(step *explain.RouteStep) map[string]string {
	out := map[string]string{}
	for _, name := range corsHeaders {
		if v, ok := step.Response.Set["access-control-allow-"+name]; ok {
			out[name] = v
		}
	}
	return out
}

func differ[T comparable](what string, envoy, explained T) string {
	if envoy == explained {
		return ""
	}
	return fmt.Sprintf("%s: Envoy %v, explain %v", what, envoy, explained)
}
