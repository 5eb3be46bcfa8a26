package envoy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"text/template"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/krater-mesh/krater/agent"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/telemetry"
	"github.com/krater-mesh/krater/test/harness"
	"sigs.k8s.io/yaml"
)

// reporter is a proxy of testdata/telemetry.yaml.
type reporter struct {
	ID, Name, Direction, Address string
	Port                         int
	Backends                     []reporter
}

func (r reporter) workload() model.Workload {
	ns, name, _ := strings.Cut(r.ID, "/")
	return model.Workload{Namespace: ns, Name: name, Address: r.Address}
}

func (r reporter) url(path string) string {
	return fmt.Sprintf("http://%s:%d%s", r.Address, r.Port, path)
}

// run starts the proxy: the agent's own bootstrap, with listeners.
func (r reporter) run(t *testing.T, up agent.Upstreams) *harness.Envoy {
	t.Helper()
	source, err := template.ParseFiles("testdata/telemetry.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := source.Execute(&text, r); err != nil {
		t.Fatal(err)
	}
	var static struct{ Listeners, Clusters []any }
	if err := yaml.Unmarshal(text.Bytes(), &static); err != nil {
		t.Fatal(err)
	}
	b, err := agent.Bootstrap(agent.Proxy{ID: r.ID, Name: r.Name, Address: r.Address}, up)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := agent.MarshalBootstrap(b)
	if err != nil {
		t.Fatal(err)
	}
	var bootstrap map[string]any
	if err := json.Unmarshal(raw, &bootstrap); err != nil {
		t.Fatal(err)
	}
	admin := harness.FreePort(t)
	bootstrap["admin"] = map[string]any{"address": map[string]any{"socket_address": map[string]any{"address": "127.0.0.1", "port_value": admin}}}
	resources := bootstrap["static_resources"].(map[string]any)
	resources["listeners"] = static.Listeners
	resources["clusters"] = append(resources["clusters"].([]any), static.Clusters...)
	raw, err = json.Marshal(bootstrap)
	if err != nil {
		t.Fatal(err)
	}
	return harness.StartEnvoy(t, raw, admin)
}

// byHand is a telemetry.Source whose slices come from the test.
type byHand struct {
	slices chan telemetry.Slice
	errs   chan error
}

func (h *byHand) Run(ctx context.Context, apply func(telemetry.Slice) error) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case s := <-h.slices:
			h.errs <- apply(s)
		}
	}
}

// collector is a telemetry.Run that can be stopped and started.
type collector struct {
	options telemetry.Options
	hand    *byHand
	stop    func()
}

func (c *collector) start(t *testing.T, s telemetry.Slice) {
	t.Helper()
	c.hand = &byHand{make(chan telemetry.Slice), make(chan error)}
	c.options.Source = c.hand
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- telemetry.Run(ctx, c.options) }()
	var stopped atomic.Bool
	c.stop = func() {
		if stopped.CompareAndSwap(false, true) {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("telemetry.Run: %v", err)
			}
		}
	}
	t.Cleanup(c.stop)
	c.give(t, s)
}

func (c *collector) give(t *testing.T, s telemetry.Slice) {
	t.Helper()
	c.hand.slices <- s
	if err := <-c.hand.errs; err != nil {
		t.Fatalf("the slice is refused: %v", err)
	}
}

func get(t *testing.T, method, url string, headers ...string) int {
	t.Helper()
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}

// counts reads the lines of a Prometheus page, comments left out.
func counts(listen string) (map[string]string, error) {
	res, err := http.Get("http://" + listen + "/metrics")
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if at := strings.LastIndexByte(line, ' '); at > 0 && line[0] != '#' {
			found[line[:at]] = strings.TrimSpace(line[at:])
		}
	}
	return found, nil
}

func TestTelemetryOfRealEnvoys(t *testing.T) {
	dir := t.TempDir()
	sockets, err := os.MkdirTemp("", "krater")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(sockets) })
	page := fmt.Sprintf("127.0.0.1:%d", harness.FreePort(t))
	up := agent.Upstreams{OTLP: "unix:" + filepath.Join(sockets, "otlp"), ALS: "unix:" + filepath.Join(sockets, "als")}

	backA := reporter{ID: "default/back-a", Name: "back-a", Direction: "inbound", Address: "127.83.0.2", Port: harness.FreePort(t)}
	backB := reporter{ID: "default/back-b", Name: "back-b", Direction: "inbound", Address: "127.83.0.3", Port: harness.FreePort(t)}
	front := reporter{ID: "default/front", Name: "front", Direction: "outbound", Address: "127.83.0.1", Port: harness.FreePort(t), Backends: []reporter{backA, backB}}

	object := func(kind, name string) model.Ref { return model.Ref{Kind: kind, Namespace: "default", Name: name} }
	slice := telemetry.Slice{
		Workloads: []model.Workload{front.workload(), backA.workload(), backB.workload()},
		Attributes: []model.AttributeSet{{Object: object("AttributeSet", "all"), Attributes: []model.Attribute{
			{Name: "user", Header: "end-user"}, {Name: "password", Header: "password", Redact: true}}}},
		Rules: []model.TelemetryRule{{Object: object("TelemetryRule", "requests"), Backends: []string{"default/page", "default/file"},
			Metrics: []model.Metric{
				{Name: "krater_requests_total", Kind: model.Counter},
				{Name: "krater_request_duration_seconds", Kind: model.Histogram, Value: "request.duration", Unit: "s"},
			},
			Logs: []model.Log{{Name: "errors", Fields: []model.Expression{{Name: "caller", Value: "source.workload.name"}}}}}},
		Backends: []model.TelemetryBackend{
			{Object: object("TelemetryBackend", "file"), Type: model.BackendFile, Path: "out.jsonl"},
			{Object: object("TelemetryBackend", "page"), Type: model.BackendPrometheus, Endpoint: page},
		},
	}
	c := &collector{options: telemetry.Options{OTLP: up.OTLP, ALS: up.ALS, StateDir: dir, Stdout: io.Discard, Logger: slog.New(slog.DiscardHandler)}}
	c.start(t, slice)
	envoyA := backA.run(t, up)
	backB.run(t, up)
	front.run(t, up)

	const each = 10 // requests that each back gets, at least one of them
	for i := range 2 * each {
		if code := get(t, "GET", front.url(fmt.Sprintf("/good/%d?q=secret", i)), "end-user", "jason", "password", "hunter2", "x-forwarded-for", backB.Address); code != 200 {
			t.Fatalf("request %d: %d", i, code)
		}
	}
	refused := map[string]int{"GET /debug": 403, "POST /good": 403}
	for request, want := range refused {
		method, path, _ := strings.Cut(request, " ")
		if code := get(t, method, front.url(path)); code != want {
			t.Fatalf("%s: %d, want %d", request, code, want)
		}
	}
	get(t, "GET", backA.url("/limited"))
	if code := get(t, "GET", backA.url("/limited")); code != 429 {
		t.Fatalf("/limited: %d", code)
	}
	file := filepath.Join(dir, "out.jsonl")
	const sent = 2*(2*each+2) + 2 // every hop has a record
	const ofRules = 2*2 + 1       // and every refusal another one
	var records []harness.Record
	var spans []harness.Span
	harness.Until(t, 20*time.Second, "every record and span", func() error {
		records, spans = harness.ReadTelemetry(t, file)
		if len(records) != sent+ofRules || len(spans) != sent {
			return fmt.Errorf("%d records (want %d), %d spans (want %d)", len(records), sent+ofRules, len(spans), sent)
		}
		return nil
	})

	t.Run("a record says what happened", func(t *testing.T) {
		for name, want := range map[string]map[string]string{
			"inbound GET /good/3": {
				"http.request.method": "GET", "url.path": "/good/3", "http.response.status_code": "200", "krater.route": "good",
				"krater.source.workload": "front", "krater.source.namespace": "default", "krater.source.verified": "false",
				"krater.decision.policy": "AuthorizationPolicy default/readers", "krater.decision.rule": "AuthorizationPolicy/default/readers/rule[1]",
				"krater.decision.placement": "native", "krater.decision.allowed": "true", "krater.decision.policy_set": "0123456789abcdef",
				"client.address": backB.Address, "krater.attribute.user": "jason", "krater.attribute.password": "", "krater.limit": "", "server.address": front.Address,
			},
			"outbound GET /good/3": {
				"krater.route": "to-back", "krater.source.workload": "front", "krater.upstream.cluster": "back", "krater.proxy": "default/front",
				"krater.destination.namespace": "default", "krater.response_code_details": "via_upstream",
			},
			"inbound GET /debug": {
				"http.response.status_code": "403", "krater.decision.policy": "AuthorizationPolicy default/no-debug",
				"krater.decision.rule": "AuthorizationPolicy/default/no-debug/rule[0]", "krater.decision.allowed": "false",
			},
			"inbound POST /good": {"http.response.status_code": "403", "krater.decision.rule": model.ImplicitDeny, "krater.decision.allowed": "false"},
			"inbound GET /limited": {
				"http.response.status_code": "429", "krater.decision.policy": "RateLimit default/back", "krater.limit": "default/back/once",
				"krater.response_flags": "RL", "krater.source.workload": "unknown", "krater.destination.workload": "back-a",
			},
		} {
			got, found := map[string]string{}, false
			for _, r := range records {
				a := r.Attributes
				if name == a["krater.direction"]+" "+a["http.request.method"]+" "+a["url.path"] && a["krater.rule"] == "" {
					got, found = a, true
				}
			}
			if !found {
				t.Errorf("no record of %s", name)
			}
			for k, v := range want {
				if got[k] != v {
					t.Errorf("%s: %s is %q, want %q", name, k, got[k], v)
				}
			}
		}
		for _, r := range records {
			if r.Attributes["krater.rule"] != "" && r.Attributes["krater.direction"] == "inbound" && r.Attributes["url.path"] == "/debug" && r.Attributes["caller"] != "front" {
				t.Errorf("a rule's field is %q, want front", r.Attributes["caller"])
			}
		}
	})

	t.Run("nothing secret arrives", func(t *testing.T) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"hunter2", "q=secret"} {
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("%q is in the file", secret)
			}
		}
	})

	t.Run("spans form trees and records point at them", func(t *testing.T) {
		byID := map[string]harness.Span{}
		for _, s := range spans {
			byID[s.SpanID] = s
		}
		for _, r := range records {
			if s, ok := byID[r.SpanID]; (!ok || s.TraceID != r.TraceID) && r.Attributes["krater.rule"] == "" {
				t.Errorf("the record of %s points at no span", r.Attributes["url.path"])
			}
		}
		for _, s := range spans {
			parent, ok := byID[s.ParentID]
			if direct := strings.HasPrefix(s.Attributes["http.url"], "http://"+backA.Address); direct || s.Service == "front" {
				if s.ParentID != "" {
					t.Errorf("a root span has parent %s", s.ParentID)
				}
			} else if !ok || parent.Service != "front" || parent.TraceID != s.TraceID {
				t.Errorf("the parent of %s's span is %+v", s.Service, parent)
			}
		}
	})

	good := `krater_requests_total{response_code="200",route="good",source_workload="front"}`
	shows := func(t *testing.T, want map[string]string) {
		t.Helper()
		harness.Until(t, 20*time.Second, "the page", func() error {
			all, err := counts(page)
			if err != nil {
				return err
			}
			got := map[string]string{}
			for k := range want {
				got[k] = all[k]
			}
			if diff := cmp.Diff(want, got); diff != "" {
				return fmt.Errorf("(-want +got)\n%s\n%v", diff, all)
			}
			return nil
		})
	}
	t.Run("counters are summed over the proxies", func(t *testing.T) {
		shows(t, map[string]string{
			good: fmt.Sprint(2 * each),
			`krater_requests_total{response_code="403",route="good",source_workload="front"}`:      "2",
			`krater_requests_total{response_code="200",route="limited",source_workload="unknown"}`: "1",
			`krater_requests_total{response_code="429",route="limited",source_workload="unknown"}`: "1",
			`krater_request_duration_seconds_count`:                                                fmt.Sprint(2*each + 4),
			`krater_request_duration_seconds_bucket{le="60"}`:                                      fmt.Sprint(2*each + 4),
			`krater_request_duration_seconds_bucket{le="+Inf"}`:                                    fmt.Sprint(2*each + 4),
			`not_declared_total`: "",
		})
		all, _ := counts(page)
		for line := range all {
			if !strings.HasPrefix(line, "krater_request") {
				t.Errorf("the page also shows %s", line)
			}
		}
	})

	t.Run("an Envoy that starts anew is counted on", func(t *testing.T) {
		if code := get(t, "POST", envoyA.Admin+"/quitquitquit"); code != 200 {
			t.Fatalf("quitquitquit: %d", code)
		}
		harness.Until(t, 10*time.Second, "the old Envoy to go", func() error {
			if res, err := http.Get(envoyA.Admin + "/ready"); err == nil {
				_ = res.Body.Close()
				return fmt.Errorf("it answers %d", res.StatusCode)
			}
			return nil
		})
		backA.run(t, up)
		for range each {
			if code := get(t, "GET", front.url("/good/again")); code != 200 {
				t.Fatalf("after the restart: %d", code)
			}
		}
		shows(t, map[string]string{good: fmt.Sprint(3 * each)})
	})

	direct := 0 // requests to a back from outside the mesh
	t.Run("another backend takes effect", func(t *testing.T) {
		slice.Backends = append(slice.Backends, model.TelemetryBackend{Object: object("TelemetryBackend", "more"), Type: model.BackendFile, Path: "more.jsonl"})
		c.give(t, slice)
		harness.Until(t, 20*time.Second, "a record in the new file", func() error {
			get(t, "GET", backB.url("/new"))
			direct++
			if records, _ := harness.ReadTelemetry(t, filepath.Join(dir, "more.jsonl")); len(records) == 0 {
				return fmt.Errorf("none")
			}
			return nil
		})
		shows(t, map[string]string{good: fmt.Sprint(3 * each)})
	})

	t.Run("requests never wait for the collector, and are counted after", func(t *testing.T) {
		c.stop()
		for range each {
			if code := get(t, "GET", backB.url("/away")); code != 200 {
				t.Fatalf("without a collector: %d", code)
			}
		}
		c.start(t, slice)
		shows(t, map[string]string{
			`krater_requests_total{response_code="200",route="good",source_workload="unknown"}`: fmt.Sprint(direct + each),
		})
	})
}
