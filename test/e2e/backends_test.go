package e2e_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip" // what exporters compress with

	"github.com/krater-mesh/krater/test/harness"
)

// otlpReceiver is somebody else's collector: it keeps what it is sent.
type otlpReceiver struct {
	plogotlp.UnimplementedGRPCServer
	address string

	mu      sync.Mutex
	logs    map[string]int // records by scope
	metrics map[string]bool
	spans   map[string]int // by service
}

func receiveOTLP(t *testing.T) *otlpReceiver {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &otlpReceiver{address: l.Addr().String(), logs: map[string]int{}, metrics: map[string]bool{}, spans: map[string]int{}}
	s := grpc.NewServer()
	plogotlp.RegisterGRPCServer(s, r)
	pmetricotlp.RegisterGRPCServer(s, &metricsOf{r: r})
	ptraceotlp.RegisterGRPCServer(s, &spansOf{r: r})
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	return r
}

// Export takes log records.
func (r *otlpReceiver) Export(_ context.Context, req plogotlp.ExportRequest) (plogotlp.ExportResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, resource := range req.Logs().ResourceLogs().All() {
		for _, scope := range resource.ScopeLogs().All() {
			r.logs[scope.Scope().Name()] += scope.LogRecords().Len()
		}
	}
	return plogotlp.NewExportResponse(), nil
}

type metricsOf struct {
	pmetricotlp.UnimplementedGRPCServer
	r *otlpReceiver
}

// Export takes metrics.
func (m *metricsOf) Export(_ context.Context, req pmetricotlp.ExportRequest) (pmetricotlp.ExportResponse, error) {
	m.r.mu.Lock()
	defer m.r.mu.Unlock()
	for _, resource := range req.Metrics().ResourceMetrics().All() {
		for _, scope := range resource.ScopeMetrics().All() {
			for _, metric := range scope.Metrics().All() {
				m.r.metrics[metric.Name()] = true
			}
		}
	}
	return pmetricotlp.NewExportResponse(), nil
}

type spansOf struct {
	ptraceotlp.UnimplementedGRPCServer
	r *otlpReceiver
}

// Export takes spans.
func (s *spansOf) Export(_ context.Context, req ptraceotlp.ExportRequest) (ptraceotlp.ExportResponse, error) {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	for _, resource := range req.Traces().ResourceSpans().All() {
		service, _ := resource.Resource().Attributes().Get("service.name")
		for _, scope := range resource.ScopeSpans().All() {
			s.r.spans[service.AsString()] += scope.Spans().Len()
		}
	}
	return ptraceotlp.NewExportResponse(), nil
}

// backendsGotAll wants at the OTLP backend each record that the file has, the
// metrics and the spans, and on standard output the records.
func backendsGotAll(t *testing.T, m *harness.Mesh, records []harness.Record, r *otlpReceiver) {
	want := map[string]int{}
	for _, record := range records {
		want[record.Scope]++
	}
	harness.Until(t, 20*time.Second, "everything at the OTLP backend", func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		for scope, n := range want {
			if r.logs[scope] < n {
				return fmt.Errorf("%d records of %q, the file has %d", r.logs[scope], scope, n)
			}
		}
		for _, name := range []string{"krater_requests_total", "krater_request_duration_milliseconds"} {
			if !r.metrics[name] {
				return fmt.Errorf("no %s among %v", name, r.metrics)
			}
		}
		for _, service := range []string{"istio-ingressgateway", "productpage-v1", "ratings-v1"} {
			if r.spans[service] == 0 {
				return fmt.Errorf("no span of %s: %v", service, r.spans)
			}
		}
		return nil
	})
	harness.Until(t, 10*time.Second, "records on standard output", func() error {
		if log := m.Log.String(); !strings.Contains(log, "krater.request_id") || !strings.Contains(log, records[0].Attributes["krater.request_id"]) {
			return fmt.Errorf("%d bytes without one", len(log))
		}
		return nil
	})
}

// errorsAreLogged wants, for each request of 400 and above, the record that
// the rule `errors` declares, from the same proxy.
func errorsAreLogged(t *testing.T, records []harness.Record) {
	type key struct{ id, proxy, direction, code string }
	keyOf := func(r harness.Record) key {
		a := r.Attributes
		return key{a["krater.request_id"], a["krater.proxy"], a["krater.direction"], a["http.response.status_code"]}
	}
	wanted, got := map[key]int{}, map[key]int{}
	for _, r := range records {
		code, _ := strconv.Atoi(r.Attributes["http.response.status_code"])
		switch {
		case r.Scope == "requests" && code >= 400:
			wanted[keyOf(r)]++
		case r.Scope != "requests":
			got[keyOf(r)]++
			if r.Attributes["path"] != r.Attributes["url.path"] || r.Attributes["code"] != r.Attributes["http.response.status_code"] {
				t.Errorf("the fields are %v", r.Attributes)
			}
		}
	}
	if len(wanted) < 10 {
		t.Errorf("the tour had %d errors, want more", len(wanted))
	}
	for k, n := range wanted {
		if got[k] != n {
			t.Errorf("%v: %d records of the rule, want %d", k, got[k], n)
		}
	}
	if len(got) != len(wanted) {
		t.Errorf("%d errors, but %d records of the rule", len(wanted), len(got))
	}
}

var series = regexp.MustCompile(`^krater_requests_total\{(.*)\} ([0-9.e+]+)$`)

// metricsCountTheSame sums krater_requests_total by who reports and who was
// called, and compares with the records.
func metricsCountTheSame(t *testing.T, m *harness.Mesh, records []harness.Record) {
	want := map[string]float64{}
	for _, r := range records {
		if r.Scope != "requests" {
			continue
		}
		reporter := "source"
		if r.Attributes["krater.direction"] == "inbound" {
			reporter = "destination"
		}
		want[reporter+" "+r.Attributes["krater.destination.workload"]+" "+r.Attributes["http.response.status_code"]]++
	}
	harness.Until(t, 20*time.Second, "the metrics to count what the records tell", func() error {
		a, err := ask("GET", m.Metrics, "")
		if err != nil {
			return err
		}
		got := map[string]float64{}
		for lines := bufio.NewScanner(strings.NewReader(a.body)); lines.Scan(); {
			if f := series.FindStringSubmatch(lines.Text()); f != nil {
				n, _ := strconv.ParseFloat(f[2], 64)
				got[label(f[1], "reporter")+" "+label(f[1], "destination_workload")+" "+label(f[1], "response_code")] += n
			}
		}
		for k, n := range want {
			if got[k] != n {
				return fmt.Errorf("%s: %v counted, %v recorded", k, got[k], n)
			}
		}
		if len(got) != len(want) {
			return fmt.Errorf("counted %v\nrecorded %v", got, want)
		}
		return nil
	})
}

func label(labels, name string) string {
	_, rest, _ := strings.Cut(","+labels, ","+name+`="`)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

// editsAreMeasured edits, and wants each part of it as a metric.
func editsAreMeasured(t *testing.T, m *harness.Mesh) {
	m.Edit(t, "reviews.yaml", "timeout: 3s", "timeout: 2900ms")
	harness.Until(t, 30*time.Second, "krater's own metrics", func() error {
		a, err := ask("GET", m.Metrics, "")
		if err != nil {
			return err
		}
		for _, stage := range []string{"resolve", "translate", "publish"} {
			want := regexp.MustCompile(`(?m)^krater_edit_stage_duration_count\{.*krater_stage="` + stage + `".*\} [1-9]`)
			if !want.MatchString(a.body) {
				return fmt.Errorf("no %v in\n%s", want, a.body)
			}
		}
		if !strings.Contains(a.body, `krater_stage="resolve",le="0.05"`) {
			return fmt.Errorf("the buckets are not those of edits:\n%s", a.body)
		}
		if !regexp.MustCompile(`(?m)^krater_edit_settled_duration_count(\{.*\})? [1-9]`).MatchString(a.body) {
			return fmt.Errorf("no krater_edit_settled_duration in\n%s", a.body)
		}
		return nil
	})
}
