package e2e_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/explain"
)

// TestExplainAgreesWithTheProxies explains each request offline, sends it, and
// compares: what explain says must be what happens.
func TestExplainAgreesWithTheProxies(t *testing.T) {
	m := shared.get(t)
	for _, c := range []struct {
		method, path string
		headers      []string
	}{
		{"GET", "/productpage", nil},
		{"GET", "/nowhere", nil},
		{"GET", "/productpage/", nil},
		{"GET", "/api/v1/products/0/reviews", []string{"end-user: jason"}},
		{"DELETE", "/api/v1/products/0", nil},
		{"GET", "/api/v1/products/0/admin", nil},
		{"GET", "/api/v1/products/0/admin?x=1", nil},
		{"GET", "/api/v1/products/0//admin", nil},
		{"GET", "/api/v1/products/./0/x/../admin", nil},
		{"GET", "/api/v1/products/0/%61dmin", nil},
		{"GET", "/api/v1/products/0/admin%2f", nil},
		{"GET", "/api/v1/products/0/ADMIN", nil},
		{"PUT", "/api/v1/products", nil},
	} {
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			e := explained(t, append([]string{"--from", "istio-ingressgateway", "--to", strings.TrimPrefix(m.Gateway, "http://"),
				"--method", c.method, "--path", c.path}, headerFlags(c.headers)...))
			a := mustAsk(t, c.method, m.Gateway+c.path, "", c.headers...)
			compare(t, e, a, m.Gateway)
		})
	}
}

// TestExplainAgreesWithSidecars does the same for calls between workloads: the
// caller's explicit proxy is asked as the application would ask it.
func TestExplainAgreesWithSidecars(t *testing.T) {
	m := shared.get(t)
	for _, c := range []struct {
		from, proxy, host, method, path string
		headers                         []string
	}{
		{"productpage-v1", ".0.2", "reviews:9080", "GET", "/reviews/0", []string{"end-user: jason"}},
		{"productpage-v1", ".0.2", "reviews:9080", "GET", "/reviews/0", nil},
		{"productpage-v1", ".0.2", "reviews.default.svc.cluster.local:9080", "GET", "/reviews/0", nil},
		{"productpage-v1", ".0.2", "details:9080", "GET", "/details/0", nil},
		{"productpage-v1", ".0.2", "details:9080", "POST", "/details/0", nil},
		{"productpage-v1", ".0.2", "details:9080", "DELETE", "/details/0", nil},
		{"productpage-v1", ".0.2", "ratings:9080", "GET", "/ratings/0", []string{"end-user: doomed"}},
		{"productpage-v1", ".0.2", "ratings:9080", "POST", "/ratings/0", []string{"end-user: helen"}},
		{"productpage-v1", ".0.2", "ratings:9080", "DELETE", "/ratings/0", []string{"end-user: jason"}},
		{"reviews-v3", ".0.6", "ratings:9080", "GET", "/ratings/0", nil},
		{"reviews-v3", ".0.6", "nobody:9080", "GET", "/", nil},
		{"reviews-v3", ".0.6", "ratings:1234", "GET", "/", nil},
	} {
		t.Run(fmt.Sprintf("%s to %s %s %s %v", c.from, c.host, c.method, c.path, c.headers), func(t *testing.T) {
			e := explained(t, append([]string{"--from", c.from, "--to", c.host, "--method", c.method, "--path", c.path}, headerFlags(c.headers)...))
			a, err := askThrough(fmt.Sprintf("http://%s%s:15001", m.Network, c.proxy), c.method, "http://"+c.host+c.path, c.headers)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, e, a, c.host)
		})
	}
}

func explained(t *testing.T, args []string) explain.Explanation {
	t.Helper()
	m := shared.get(t)
	var e explain.Explanation
	m.KraterJSON(t, &e, append([]string{"explain", m.Dir}, args...)...)
	return e
}

func headerFlags(headers []string) []string {
	var out []string
	for _, h := range headers {
		out = append(out, "--header", strings.Replace(h, ": ", "=", 1))
	}
	return out
}

// compare wants the answer among those that explain gives. The application's
// own answers are its own; only the proxies' are compared by status.
func compare(t *testing.T, e explain.Explanation, a answer, where string) {
	t.Helper()
	var told []string
	for _, o := range e.Outcomes {
		for _, alternative := range o.Verdict.Instead {
			told = append(told, fmt.Sprint(alternative.Status))
			if int(alternative.Status) == a.status {
				return
			}
		}
		if o.Verdict.Upstream {
			if !madeByProxy(a) {
				return
			}
			told = append(told, "the application's")
			continue
		}
		told = append(told, fmt.Sprintf("%d (%s)", o.Verdict.Status, o.Verdict.Details))
		if int(o.Verdict.Status) == a.status {
			return
		}
	}
	t.Errorf("%s answered %d %q, explain says %s", where, a.status, a.body, strings.Join(told, ", or "))
}

// madeByProxy tells a proxy's own answer: what an application answers has been
// through its upstream filter, which notes the time.
func madeByProxy(a answer) bool {
	return a.header.Get("x-envoy-upstream-service-time") == "" && slices.Contains([]int{403, 404, 429, 500, 502, 503, 504}, a.status)
}
