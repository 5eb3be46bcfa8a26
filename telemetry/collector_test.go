package telemetry

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	accesslogdatav3 "github.com/envoyproxy/go-control-plane/envoy/data/accesslog/v3"
	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/service/accesslog/v3"
	"github.com/krater-mesh/krater/model"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// hand is a Source whose slices come from the test's hand.
type hand struct {
	slices chan Slice
	errs   chan error
}

func (h *hand) Run(ctx context.Context, apply func(Slice) error) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case s := <-h.slices:
			h.errs <- apply(s)
		}
	}
}

// give applies a slice and gives what was said of it.
func (h *hand) give(t *testing.T, s Slice) error {
	t.Helper()
	select {
	case h.slices <- s:
	case <-time.After(20 * time.Second):
		t.Fatal("the collector takes no slice")
	}
	select {
	case err := <-h.errs:
		return err
	case <-time.After(20 * time.Second):
		t.Fatal("the collector does not finish with a slice")
		return nil
	}
}

// started is a collector that runs until the test ends.
type started struct {
	*Collector
	*hand
	dir, otlp, als string
}

func start(t *testing.T) *started {
	t.Helper()
	dir := t.TempDir()
	sockets, err := os.MkdirTemp("", "krater") // a socket's path is at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	s := &started{hand: &hand{make(chan Slice), make(chan error)}, dir: dir,
		otlp: "unix:" + filepath.Join(sockets, "otlp"), als: "unix:" + filepath.Join(sockets, "als")}
	s.Collector = New(Options{OTLP: s.otlp, ALS: s.als, StateDir: dir, Source: s.hand,
		Stdout: io.Discard, Logger: slog.New(slog.NewTextHandler(testWriter{t}, nil))})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Collector.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		_ = os.RemoveAll(sockets)
	})
	return s
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

func dial(t *testing.T, target string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func (s *started) sendLog(t *testing.T, logName, path string) {
	t.Helper()
	stream, err := accesslogv3.NewAccessLogServiceClient(dial(t, s.als)).StreamAccessLogs(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	err = stream.Send(&accesslogv3.StreamAccessLogsMessage{
		Identifier: &accesslogv3.StreamAccessLogsMessage_Identifier{LogName: logName, Node: &corev3.Node{Id: "default/reviews-v1"}},
		LogEntries: &accesslogv3.StreamAccessLogsMessage_HttpLogs{HttpLogs: &accesslogv3.StreamAccessLogsMessage_HTTPAccessLogEntries{
			LogEntry: []*accesslogdatav3.HTTPAccessLogEntry{{Request: &accesslogdatav3.HTTPRequestProperties{Path: path}}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.CloseAndRecv(); err != nil {
		t.Fatal(err)
	}
}

// sendCount sends one proxy's total of a rule's counter.
func (s *started) sendCount(t *testing.T, proxy, stat string, total int64) {
	t.Helper()
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr("telemetry.sdk.name", "envoy")
	rm.Resource().Attributes().PutStr("krater.proxy", proxy)
	m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName(stat)
	m.SetEmptySum().SetIsMonotonic(true)
	p := m.Sum().DataPoints().AppendEmpty()
	p.SetStartTimestamp(1)
	p.SetIntValue(total)
	p.Attributes().PutStr("source_workload", "@127.80.0.5")
	client := pmetricotlp.NewGRPCClient(dial(t, s.otlp))
	if _, err := client.Export(context.Background(), pmetricotlp.NewExportRequestFromMetrics(md)); err != nil {
		t.Fatal(err)
	}
}

func until(t *testing.T, what string, ok func() error) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		err := ok()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waiting for %s: %v", what, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// paths lists the url.path of every record in a file backend's file.
func paths(t *testing.T, file string) string {
	t.Helper()
	text, _ := os.ReadFile(file)
	var found []string
	for line := range strings.Lines(string(text)) {
		ld, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs([]byte(line))
		if err != nil {
			continue
		}
		for _, rl := range ld.ResourceLogs().All() {
			for _, sl := range rl.ScopeLogs().All() {
				for _, r := range sl.LogRecords().All() {
					v, _ := r.Attributes().Get("url.path")
					found = append(found, v.Str())
				}
			}
		}
	}
	return strings.Join(found, " ")
}

func wants(got, want string) error {
	if got != want {
		return fmt.Errorf("got %q, want %q", got, want)
	}
	return nil
}

func file(name, path string) model.TelemetryBackend {
	return model.TelemetryBackend{Object: model.Ref{Kind: "TelemetryBackend", Namespace: "default", Name: name}, Type: model.BackendFile, Path: path}
}

func prometheus(name, listen string) model.TelemetryBackend {
	return model.TelemetryBackend{Object: model.Ref{Kind: "TelemetryBackend", Namespace: "default", Name: name}, Type: model.BackendPrometheus, Endpoint: listen}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func scrape(listen string) (string, error) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get("http://" + listen + "/metrics")
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return string(text), err
}

func TestNoBackendStillTakesWhatIsSent(t *testing.T) {
	s := start(t)
	if err := s.give(t, Slice{}); err != nil {
		t.Fatal(err)
	}
	s.sendLog(t, "requests", "/a")
	if !s.Status().Running {
		t.Error("not running")
	}
}

func TestRuleLogsGoOnlyToTheirBackends(t *testing.T) {
	s := start(t)
	if err := s.give(t, Slice{
		Backends: []model.TelemetryBackend{file("one", "one.jsonl"), file("two", "two.jsonl")},
		Rules:    []model.TelemetryRule{{Object: model.Ref{Namespace: "default", Name: "errors"}, Backends: []string{"two"}}},
	}); err != nil {
		t.Fatal(err)
	}
	s.sendLog(t, "rule/default/errors/failed", "/rule")
	s.sendLog(t, "rule/default/unknown/failed", "/nobody")
	s.sendLog(t, "requests", "/all?secret=1")
	until(t, "both files", func() error {
		if err := wants(paths(t, filepath.Join(s.dir, "one.jsonl")), "/all"); err != nil {
			return err
		}
		return wants(paths(t, filepath.Join(s.dir, "two.jsonl")), "/rule /all")
	})
	status := s.Status()
	if len(status.Backends) != 2 || status.Backends[0].Sent != 1 || status.Backends[1].Sent != 2 || status.Accepted != 3 {
		t.Errorf("status %+v", status)
	}
}

func TestPrometheusShowsSumsUnderDeclaredNames(t *testing.T) {
	s, listen := start(t), freePort(t)
	slice := Slice{
		Backends:  []model.TelemetryBackend{prometheus("prometheus", listen)},
		Workloads: []model.Workload{{Namespace: "default", Name: "reviews-v1", Address: "127.80.0.5"}},
		Rules: []model.TelemetryRule{{Object: model.Ref{Namespace: "default", Name: "requests"}, Backends: []string{"prometheus"},
			Metrics: []model.Metric{{Name: "krater_requests_total", Kind: model.Counter}}}},
	}
	if err := s.give(t, slice); err != nil {
		t.Fatal(err)
	}
	const stat = "krater.default/requests/krater_requests_total"
	s.sendCount(t, "default/a", stat, 3)
	s.sendCount(t, "default/b", stat, 4)
	s.sendCount(t, "default/b", "krater.default/requests/not_declared_total", 4)
	s.sendCount(t, "default/b", "cluster.upstream_rq_total", 4)
	shows := func(want string) {
		t.Helper()
		until(t, want, func() error {
			page, err := scrape(listen)
			if err != nil {
				return err
			}
			var lines []string
			for line := range strings.Lines(page) {
				if !strings.HasPrefix(line, "#") {
					lines = append(lines, strings.TrimSpace(line))
				}
			}
			return wants(strings.Join(lines, "\n"), want)
		})
	}
	shows(`krater_requests_total{source_workload="reviews-v1"} 7`)

	// A reload keeps the sums, and so does a collector that was away: proxies
	// report totals.
	slice.Backends = append(slice.Backends, file("file", "f.jsonl"))
	if err := s.give(t, slice); err != nil {
		t.Fatal(err)
	}
	s.sendCount(t, "default/a", stat, 5)
	shows(`krater_requests_total{source_workload="reviews-v1"} 9`)
}

func TestABrokenBackendLeavesTheOthers(t *testing.T) {
	s := start(t)
	occupied, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer occupied.Close()
	good := file("file", "out/f.jsonl")
	bad := prometheus("prometheus", occupied.Addr().String())
	err = s.give(t, Slice{Backends: []model.TelemetryBackend{good, bad}})
	if err == nil || !strings.Contains(err.Error(), "TelemetryBackend default/prometheus") || !strings.Contains(err.Error(), "KR0017") {
		t.Fatalf("got %v, want a problem that names the backend", err)
	}
	s.sendLog(t, "requests", "/a")
	until(t, "the file", func() error { return wants(paths(t, filepath.Join(s.dir, "out", "f.jsonl")), "/a") })

	// The last good version stays where an edit breaks it.
	listen := freePort(t)
	if err := s.give(t, Slice{Backends: []model.TelemetryBackend{good, prometheus("prometheus", listen)}}); err != nil {
		t.Fatal(err)
	}
	if err := s.give(t, Slice{Backends: []model.TelemetryBackend{good, bad}}); err == nil {
		t.Fatal("a port in use is no problem")
	}
	if _, err := scrape(listen); err != nil {
		t.Errorf("the last good backend is gone: %v", err)
	}
	if problems := s.Status().Problems; len(problems) != 1 || problems[0].Object != bad.Object {
		t.Errorf("problems %v", problems)
	}

	// It is tried again.
	_ = occupied.Close()
	until(t, "the port to be taken", func() error {
		_, err := scrape(occupied.Addr().String())
		return err
	})
}

func TestTwoBackendsOnOnePort(t *testing.T) {
	s, listen := start(t), freePort(t)
	err := s.give(t, Slice{Backends: []model.TelemetryBackend{prometheus("a", listen), prometheus("b", listen)}})
	if err == nil || !strings.Contains(err.Error(), "TelemetryBackend default/b") || !strings.Contains(err.Error(), "default/a's") {
		t.Fatalf("got %v, want the second to be refused", err)
	}
}

func TestABackendThatCannotBeConfiguredIsNamed(t *testing.T) {
	s := start(t)
	nowhere := model.TelemetryBackend{Object: model.Ref{Kind: "TelemetryBackend", Namespace: "default", Name: "nowhere"}, Type: model.BackendOTLP}
	err := s.give(t, Slice{Backends: []model.TelemetryBackend{nowhere, file("file", "f.jsonl")}})
	if err == nil || !strings.Contains(err.Error(), "TelemetryBackend default/nowhere") {
		t.Fatalf("got %v, want a problem that names the backend", err)
	}
	s.sendLog(t, "requests", "/a")
	until(t, "the file", func() error { return wants(paths(t, filepath.Join(s.dir, "f.jsonl")), "/a") })
}

func TestPipelinesThatDoNotStartLeaveTheOldOnes(t *testing.T) {
	s := start(t)
	if err := s.give(t, Slice{Backends: []model.TelemetryBackend{file("file", "f.jsonl")}}); err != nil {
		t.Fatal(err)
	}
	occupied, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer occupied.Close()
	s.mu.Lock() // as if the port were taken just after the check
	err = s.replace(context.Background(), []model.TelemetryBackend{prometheus("p", occupied.Addr().String())})
	s.mu.Unlock()
	if err == nil {
		t.Fatal("it starts on a port in use")
	}
	s.sendLog(t, "requests", "/a")
	until(t, "the file", func() error { return wants(paths(t, filepath.Join(s.dir, "f.jsonl")), "/a") })
}
