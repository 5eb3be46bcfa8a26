package e2e_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/krater-mesh/krater/test/harness"
)

// visit is one request of the tour, as a witness between it and the gateway
// saw it: what the records say is held against that.
type visit struct {
	method, path, user, id string
	status                 int
}

// takeTour runs `bookinfo tour` past a witness.
func takeTour(t *testing.T, m *harness.Mesh) []visit {
	t.Helper()
	gateway, err := url.Parse(m.Gateway)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var visits []visit
	proxy := httputil.NewSingleHostReverseProxy(gateway)
	proxy.ModifyResponse = func(res *http.Response) error {
		mu.Lock()
		defer mu.Unlock()
		r := res.Request
		visits = append(visits, visit{r.Method, r.URL.Path, r.Header.Get("end-user"), res.Header.Get("x-request-id"), res.StatusCode})
		return nil
	}
	witness := httptest.NewServer(proxy)
	defer witness.Close()
	tour := exec.Command(filepath.Join(m.Bin, "bookinfo"), "tour", "--page", witness.URL, "--metrics", m.Metrics)
	if out, err := tour.CombinedOutput(); err != nil {
		t.Fatalf("bookinfo tour: %v\n%s", err, out)
	}
	if len(visits) < 200 {
		t.Fatalf("the tour sent %d requests", len(visits))
	}
	return visits
}

// hop is one end of one call.
type hop struct{ proxy, direction string }

// book holds the records of one request by where they were made.
type book map[hop][]map[string]string

func books(records []harness.Record) map[string]book {
	out := map[string]book{}
	for _, r := range records {
		id := r.Attributes["krater.request_id"]
		if r.Scope != "requests" {
			continue
		}
		if out[id] == nil {
			out[id] = book{}
		}
		h := hop{r.Attributes["krater.proxy"], r.Attributes["krater.direction"]}
		out[id][h] = append(out[id][h], r.Attributes)
	}
	return out
}

// TestEveryRequestOfTheTourIsRecorded takes the tour, and finds at the gateway
// and at both ends of each call what happened there; then that the metrics
// count the same, and that each backend got it.
func TestEveryRequestOfTheTourIsRecorded(t *testing.T) {
	m := harness.Sample(t, "samples/bookinfo")
	receiver := receiveOTLP(t)
	m.Edit(t, "telemetry.yaml", "backends: [prometheus]", "backends: [prometheus, otlp]")
	m.Edit(t, "telemetry.yaml", "backends: [file]", "backends: [file, stdout, otlp]")
	m.Add(t, "backends.yaml", strings.ReplaceAll(`
apiVersion: krater.dev/v1alpha1
kind: TelemetryBackend
metadata: {name: otlp, namespace: istio-system}
spec: {otlp: {endpoint: ADDRESS, insecure: true}}
---
apiVersion: krater.dev/v1alpha1
kind: TelemetryBackend
metadata: {name: stdout, namespace: istio-system}
spec: {stdout: {}}
`, "ADDRESS", receiver.address))
	m.Start(t, "--quiet")
	visits := takeTour(t, m)

	var records []harness.Record
	harness.Until(t, 30*time.Second, "the records of every request", func() error {
		records, _ = harness.ReadTelemetry(t, filepath.Join(m.StateDir(t), "collector", "telemetry.jsonl"))
		found := books(records)
		for _, v := range visits {
			if err := v.recorded(found[v.id]); err != nil {
				return fmt.Errorf("%s %s as %q was answered %d: %w", v.method, v.path, v.user, v.status, err)
			}
		}
		return nil
	})
	t.Logf("%d requests, %d records", len(visits), len(records))
	t.Run("errors have the rule's own record", func(t *testing.T) { errorsAreLogged(t, records) })
	t.Run("metrics", func(t *testing.T) { metricsCountTheSame(t, m, records) })
	t.Run("own metrics", func(t *testing.T) { editsAreMeasured(t, m) })
	t.Run("backends", func(t *testing.T) { backendsGotAll(t, m, records, receiver) })
}

// recorded holds the records of one request against what was seen.
func (v visit) recorded(b book) error {
	caller := "istio-ingressgateway"
	status := strconv.Itoa(v.status)
	if err := b.one(hop{"istio-system/" + caller, "gateway"}, map[string]string{
		"http.response.status_code": status, "http.request.method": v.method, "url.path": v.path,
		"krater.route": "default/bookinfo/http[0]", "krater.destination.workload": "productpage-v1", "krater.source.verified": "false",
	}); err != nil {
		return err
	}
	if err := b.one(hop{"default/productpage-v1", "inbound"}, merged(v.decision(), map[string]string{
		"http.response.status_code": status, "krater.source.workload": caller, "krater.source.verified": "true",
		"krater.destination.workload": "productpage-v1", "krater.route": "default", "krater.attribute.user": v.user, "krater.attribute.product": v.product(),
	})); err != nil {
		return err
	}
	for service, decided := range v.calls() {
		if err := b.call("productpage-v1", service, decided); err != nil {
			return err
		}
	}
	return nil
}

// decision is the one at the page's proxy.
func (v visit) decision() map[string]string {
	switch {
	case v.method == http.MethodDelete:
		return map[string]string{"krater.decision.policy": "AuthorizationPolicy default/catalogue-is-read-only",
			"krater.decision.rule": "AuthorizationPolicy/default/catalogue-is-read-only/rule[0]", "krater.decision.placement": "native", "krater.decision.allowed": "false"}
	case v.status == http.StatusTooManyRequests:
		return map[string]string{"krater.decision.policy": "RateLimit default/productpage", "krater.limit": "default/productpage/per-demo-client", "krater.decision.allowed": "false"}
	}
	return nil
}

func (v visit) product() string {
	if strings.HasPrefix(v.path, "/api/v1/products/") {
		return "0"
	}
	return ""
}

var (
	allowedByRule = map[string]string{"krater.decision.policy": "AuthorizationPolicy default/details-are-for-reading", "krater.decision.placement": "native", "krater.decision.allowed": "true"}
	decidedByRego = map[string]string{"krater.decision.policy": "RegoPolicy default/ratings-editors", "krater.decision.placement": "native"}
)

// calls are the services that the page asks, with the decision there. A call
// that the mesh aborts on purpose reaches nobody.
func (v visit) calls() map[string]map[string]string {
	switch {
	case v.path == "/productpage":
		return map[string]map[string]string{"details": allowedByRule, "reviews": nil}
	case strings.HasSuffix(v.path, "/reviews"):
		return map[string]map[string]string{"reviews": nil}
	case strings.HasSuffix(v.path, "/ratings") && v.status != http.StatusInternalServerError:
		return map[string]map[string]string{"ratings": merged(decidedByRego, map[string]string{
			"krater.decision.allowed": strconv.FormatBool(v.status == http.StatusOK), "http.response.status_code": strconv.Itoa(v.status)})}
	}
	return nil
}

// call finds both ends of a call to a service, and the call that reviews with
// ratings make.
func (b book) call(from, service string, decided map[string]string) error {
	for h, at := range b {
		to, ok := strings.CutPrefix(h.proxy, "default/")
		if !ok || h.direction != "inbound" || !strings.HasPrefix(to, service+"-") {
			continue
		}
		if err := b.one(h, merged(decided, map[string]string{"krater.source.workload": from, "krater.source.verified": "true",
			"krater.destination.workload": to, "krater.route": "default"})); err != nil {
			return err
		}
		if err := b.callee(hop{"default/" + from, "outbound"}, at[0]); err != nil {
			return err
		}
		if to == "reviews-v2" || to == "reviews-v3" {
			return b.call(to, "ratings", decidedByRego)
		}
		return nil
	}
	return fmt.Errorf("no record of the call from %s at %s", from, service)
}

// callee wants the caller's record of what the called side recorded.
func (b book) callee(at hop, called map[string]string) error {
	want := map[string]string{"http.response.status_code": called["http.response.status_code"], "krater.destination.workload": called["krater.destination.workload"]}
	for _, r := range b[at] {
		if wantAttributes(r, want) == nil && r["krater.route"] != "" {
			return nil
		}
	}
	return fmt.Errorf("at %v no record of a call like %v: %v", at, want, b[at])
}

// one wants exactly one record there, with these attributes; "" is absent.
func (b book) one(at hop, want map[string]string) error {
	if len(b[at]) != 1 {
		return fmt.Errorf("%d records at %v, want 1", len(b[at]), at)
	}
	return wantAttributes(b[at][0], want)
}

func merged(a, b map[string]string) map[string]string {
	out := maps.Clone(a)
	if out == nil {
		out = map[string]string{}
	}
	maps.Copy(out, b)
	return out
}
