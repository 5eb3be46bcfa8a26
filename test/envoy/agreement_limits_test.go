package envoy_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/krater-mesh/krater/explain"
)

// TestLimitsAgree draws limits of one request an hour, and pairs of requests
// with a name of their own in each limit's key: the second is refused where
// explain says that some limit charges both to one bucket.
func TestLimitsAgree(t *testing.T) {
	a := newAgreement(t)
	n, pairs, refused := draws(t, 100), 15, 0
	for i := range n {
		d := newDrawer(seed(t)+2000, i)
		objects := []any{d.rateLimit()}
		if !a.limit(objects) {
			t.Fatalf("draw %d is not valid:\n%s", i, policiesText(t, objects))
		}
		for range pairs {
			first := d.limitedRequest()
			second := first
			if d.chance(50) {
				second = d.limitedRequest()
			}
			got := a.limited(first, second)
			if got == 429 {
				refused++
			}
			if got == a.explainedLimit(first, second) {
				continue
			}
			differs := func(objects []any, second rawRequest) bool {
				return len(objects) > 0 && a.limit(objects) && a.limited(first, second) != a.explainedLimit(first, second)
			}
			if !differs(objects, second) {
				continue // the proxy's worker had the old limits still
			}
			objects, second = shrink(objects, second, 200, differs)
			a.limit(objects)
			t.Errorf("seed %d, draw %d: explain says %d, Envoy %d to the second of\n%s\n%s\n%s", seed(t), i,
				a.explainedLimit(first, second), a.limited(first, second), first, second, policiesText(t, objects))
			break
		}
	}
	t.Logf("%d of %d pairs share a bucket", refused, n*pairs)
	if n >= 100 && (refused < n*pairs/10 || refused > n*pairs*9/10) {
		t.Error("what is drawn tests too little")
	}
}

// limit puts declared RateLimits in force, with each request's own name in
// every key.
func (a *agreement) limit(objects []any) bool {
	contents, ok := entries(a.t, objects)
	if !ok {
		return false
	}
	a.snap.Limits = nil
	for _, c := range contents {
		for _, l := range c.Limits.Items {
			l.Key = append([]string{"request.headers['x-pair']"}, l.Key...)
			a.snap.Limits = append(a.snap.Limits, &l)
		}
	}
	a.publish()
	return true
}

func (a *agreement) pair() (name [2]string) { return [2]string{"x-pair", a.nextID()} }

// limited sends both, and gives the second's status.
func (a *agreement) limited(first, second rawRequest) int {
	pair := a.pair()
	status := 0
	for i, r := range []rawRequest{first, second} {
		r.Headers = append(slices.Clone(r.Headers), pair)
		if status = a.wires.send(a.t, r).StatusCode; i == 0 && status != 200 {
			a.t.Errorf("the first of a pair gets %d: %s", status, r)
		}
	}
	return status
}

func (a *agreement) explainedLimit(first, second rawRequest) int {
	pair := a.pair()
	var views []explain.View
	for _, r := range []rawRequest{first, second} {
		r.Headers = append(slices.Clone(r.Headers), pair)
		v, ok := explain.Receive(a.snap.Mesh, explain.RoleServer, r.view())
		if !ok {
			return 400
		}
		views = append(views, v)
	}
	for _, l := range a.snap.Limits {
		x, y := explain.Charge(*l, views[0]), explain.Charge(*l, views[1])
		// What comes by mutual TLS, and what comes in plain text, is counted apart.
		if x.Charged && y.Charged && slices.Equal(x.Key, y.Key) && (first.URI == "") == (second.URI == "") {
			return 429
		}
	}
	return 200
}

// rateLimit draws one to three limits.
func (d drawer) rateLimit() map[string]any {
	var limits []any
	for i := range 1 + d.IntN(3) {
		l := map[string]any{"name": fmt.Sprintf("l%d", i), "requests": 1, "per": "1h", "burst": 1}
		var matches []any
		for range d.IntN(3) {
			m := d.match()
			delete(m, "queryParams")
			if len(m) > 0 {
				matches = append(matches, m)
			}
		}
		if len(matches) > 0 {
			l["match"] = matches
		}
		if d.chance(60) {
			l["key"] = d.some(2, "request.headers['x-a']", "request.headers['X-b']", "request.headers['accept']", "source.address", "request.headers['cookie']",
				"source.principal", "source.namespace", "source.service_account")
		}
		limits = append(limits, l)
	}
	return map[string]any{"apiVersion": "krater.dev/v1alpha1", "kind": "RateLimit", "metadata": map[string]any{"name": "r"}, "spec": map[string]any{"limits": limits}}
}

// limitedRequest draws one for page itself.
func (d drawer) limitedRequest() rawRequest {
	r := d.routedRequest()
	r.Port = 9080
	if d.chance(50) {
		r.URI = d.of(callerURIs...)
	}
	if d.chance(20) {
		r.Headers = append(r.Headers, [2]string{"x-forwarded-for", d.of("10.0.0.1", "10.0.0.2", "x", "10.0.0.1, 10.0.0.2")})
	}
	return r
}
