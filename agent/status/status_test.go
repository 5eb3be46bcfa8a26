package status

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/agent/admin"
	"github.com/krater-mesh/krater/model"
)

// world is a server with what it asks.
type world struct {
	*Server
	envoy       string // its state
	application http.HandlerFunc
	told        []string
}

func start(t *testing.T) *world {
	t.Helper()
	w := &world{envoy: "LIVE"}
	envoy := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/ready":
			if w.envoy != "LIVE" {
				out.WriteHeader(http.StatusServiceUnavailable)
			}
			io.WriteString(out, w.envoy)
		case "/stats":
			io.WriteString(out, "listener_manager.workers_started: 1\n")
		case "/stats/prometheus":
			io.WriteString(out, "# TYPE envoy_server_live gauge\nenvoy_server_live{} 1\n")
		}
	}))
	t.Cleanup(envoy.Close)
	application := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) { w.application(out, r) }))
	t.Cleanup(application.Close)
	_, text, _ := net.SplitHostPort(strings.TrimPrefix(application.URL, "http://"))
	port, _ := strconv.Atoi(text)
	w.Server = New(Options{Envoy: admin.Page(envoy.URL),
		Health:     NewHealth(func(well bool, why string) { w.told = append(w.told, strconv.FormatBool(well)+" "+why) }),
		AppMetrics: func() *model.AppMetrics { return &model.AppMetrics{Port: uint32(port), Path: "/m"} },
		AppProbes: map[string]*model.Probe{
			"/app-health/web/readyz": {HTTP: &model.ProbeHTTP{Port: uint32(port), Path: "/ok"}},
			"/app-health/web/livez":  {TCP: &model.ProbeTCP{Port: 1}},
		}})
	return w
}

func (w *world) ask(method, path string, change ...func(*http.Request)) (int, string) {
	req := httptest.NewRequestWithContext(context.Background(), method, path, nil)
	req.RemoteAddr = "127.0.0.1:40000"
	for _, c := range change {
		c(req)
	}
	out := httptest.NewRecorder()
	w.handler().ServeHTTP(out, req)
	return out.Code, out.Body.String()
}

func TestReady(t *testing.T) {
	w := start(t)
	want := func(code int, text string) {
		t.Helper()
		if c, body := w.ask("GET", "/healthz/ready"); c != code || !strings.Contains(body, text) {
			t.Errorf("%d %s, want %d %s", c, body, code, text)
		}
	}
	want(503, "has not been asked yet")
	w.o.Health.Report(true, "")
	want(200, "ready")
	w.envoy = "INITIALIZING"
	want(503, "/ready with 503: INITIALIZING")
	w.envoy = "LIVE"
	w.o.Health.Report(false, "connection refused")
	want(503, "not well: connection refused")
	w.o.Health.Report(true, "")
	w.o.Health.End()
	want(503, "the agent ends")
	w.o.Health.Report(true, "")
	want(503, "the agent ends")
	if got := strings.Join(w.told, "; "); got != "true ; false connection refused; true ; false its agent ends" {
		t.Error(got)
	}
}

func TestMetricsAreOneText(t *testing.T) {
	w := start(t)
	for _, c := range []struct {
		code          int
		answer        string
		want, without string
	}{
		{200, "jobs 7", "envoy_server_live{} 1\njobs 7\n", "# EOF"},
		{200, "jobs_total 7\n# EOF\n", "jobs_total 7\n", "# EOF"},
		{200, "", `{part="application"} 0`, "jobs"},
		{500, "broken", `krater_agent_scrape_failures_total{part="application"} 1`, "broken"},
	} {
		w.application = func(out http.ResponseWriter, _ *http.Request) {
			out.WriteHeader(c.code)
			io.WriteString(out, c.answer)
		}
		_, got := w.ask("GET", "/stats/prometheus")
		if !strings.Contains(got, c.want) || strings.Contains(got, c.without) {
			t.Errorf("%d %q: want %q, and no %q, in\n%s", c.code, c.answer, c.want, c.without, got)
		}
	}
}

func TestOnlyThisMachineEndsTheAgent(t *testing.T) {
	w := start(t)
	ended := 0
	w.o.Quit = func() { ended++ }
	for name, c := range map[string]struct {
		method string
		change func(*http.Request)
		code   int
	}{
		"GET":                   {"GET", func(*http.Request) {}, 405},
		"another machine":       {"POST", func(r *http.Request) { r.RemoteAddr = "10.0.0.7:4000" }, 403},
		"a page of this one":    {"POST", func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") }, 403},
		"no address":            {"POST", func(r *http.Request) { r.RemoteAddr = "" }, 403},
		"a program":             {"POST", func(*http.Request) {}, 200},
		"a program, over IPv6":  {"POST", func(r *http.Request) { r.RemoteAddr = "[::1]:4000" }, 200},
		"a name in place of it": {"POST", func(r *http.Request) { r.RemoteAddr = "localhost:1" }, 403},
	} {
		before := ended
		if code, _ := w.ask(c.method, "/quitquitquit", c.change); code != c.code || (ended > before) != (code == 200) {
			t.Errorf("%s: %d, ended %d times", name, code, ended)
		}
	}
}

func TestContainersProbes(t *testing.T) {
	w := start(t)
	code := 200
	w.application = func(out http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/ok" {
			code = 404
		}
		out.WriteHeader(code)
	}
	for _, want := range []int{200, 302, 404, 503} {
		code = want
		if want == 302 {
			want = 200
		}
		if got, _ := w.ask("GET", "/app-health/web/readyz"); got != want {
			t.Errorf("%d, want %d", got, want)
		}
	}
	if got, _ := w.ask("GET", "/app-health/web/livez"); got != 503 {
		t.Errorf("nothing listens there: %d", got)
	}
	if got, _ := w.ask("GET", "/app-health/web/other"); got != 404 {
		t.Errorf("a path that nobody declared: %d", got)
	}
}

func TestReadAppProbes(t *testing.T) {
	got, err := ReadAppProbes([]byte(`{
		"/app-health/a/livez": {"httpGet": {"path": "x", "port": 8080, "scheme": "HTTPS", "httpHeaders": [{"name": "a", "value": "b"}]}, "timeoutSeconds": 3},
		"/app-health/a/readyz": {"tcpSocket": {"port": 81}}, "/app-health/a/startupz": {"grpc": {"port": 82, "service": "s"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	h := got["/app-health/a/livez"]
	if h.HTTP.Path != "/x" || !h.HTTP.HTTPS || h.HTTP.Headers[0].Value != "b" || h.Timeout.String() != "3s" ||
		got["/app-health/a/readyz"].TCP.Port != 81 || got["/app-health/a/startupz"].GRPC.Service != "s" || got["/app-health/a/startupz"].Timeout.String() != "1s" {
		t.Errorf("%+v", got)
	}
	for _, bad := range []string{`[]`, `{"/other": {"tcpSocket": {"port": 1}}}`, `{"/app-health/x": {}}`, `{"/app-health/x": {"exec": {"command": ["sh"]}}}`,
		`{"/app-health/x": {"tcpSocket": {"port": 70000}}}`} {
		if _, err := ReadAppProbes([]byte(bad)); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

func FuzzReadAppProbes(f *testing.F) {
	f.Add([]byte(`{"/app-health/a/livez": {"httpGet": {"path": "x", "port": 8080}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := ReadAppProbes(text)
		for path, p := range got {
			if err != nil || !strings.HasPrefix(path, "/app-health/") || len(p.Exec) > 0 || p.HTTP == nil && p.TCP == nil && p.GRPC == nil {
				t.Errorf("%s: %+v, %v", path, p, err)
			}
		}
	})
}

func TestFewAskAtOnce(t *testing.T) {
	hold, held := make(chan struct{}), make(chan struct{})
	h := atOnce(1, func(http.ResponseWriter, *http.Request) { close(held); <-hold })
	done := make(chan struct{})
	go func() {
		defer close(done)
		h(httptest.NewRecorder(), nil)
	}()
	<-held
	out := httptest.NewRecorder()
	h(out, nil)
	close(hold)
	<-done
	if out.Code != http.StatusServiceUnavailable {
		t.Errorf("the second gets %d", out.Code)
	}
}
