package care

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/krater-mesh/krater/agent/admin"
	"github.com/krater-mesh/krater/model"
)

// plane is a control plane: it gives settings and hears reports.
type plane struct {
	mu       sync.Mutex
	settings *model.AgentSettings
	changed  chan struct{}
	heard    []string
}

func (p *plane) set(s model.AgentSettings) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settings = &s
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *plane) get() (model.AgentSettings, bool, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.settings == nil {
		return model.AgentSettings{}, false, p.changed
	}
	return *p.settings, true, p.changed
}

func (p *plane) report(healthy bool, why string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heard = append(p.heard, fmt.Sprint(healthy, " ", why))
}

func (p *plane) until(t *testing.T, want ...string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		p.mu.Lock()
		got := fmt.Sprint(p.heard)
		p.mu.Unlock()
		if got == fmt.Sprint(want) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("heard %s, want %s", got, want)
		}
	}
}

func TestTheControlPlaneSaysWhatIsAskedAndHearsTheAnswer(t *testing.T) {
	var code, drained = 500, false
	var mu sync.Mutex
	set := func(n int) { mu.Lock(); code = n; mu.Unlock() }
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		switch r.URL.Path {
		case "/stats":
			io.WriteString(w, "listener.a.downstream_cx_active: 1\nhttp.a.downstream_cx_active: 1\nhttp.a.downstream_rq_active: 1\n")
		case "/drain_listeners":
			drained = true
		default:
			w.WriteHeader(code)
		}
	}))
	defer app.Close()
	var port uint32
	fmt.Sscanf(app.URL, "http://127.0.0.1:%d", &port)

	p := &plane{changed: make(chan struct{})}
	c := New(Options{Logger: slog.New(slog.DiscardHandler)}, Beside{Envoy: admin.Page(app.URL), Report: p.report, Settings: p.get})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Probe(ctx) }()

	probe := &model.Probe{HTTP: &model.ProbeHTTP{Port: port, Path: "/"}, Period: model.Duration(5 * time.Millisecond),
		Timeout: model.Duration(5 * time.Second), SuccessThreshold: 1, FailureThreshold: 1}
	p.set(model.AgentSettings{Probe: probe, Drain: model.Duration(100 * time.Millisecond)})
	p.until(t, "false it answers 500")
	set(200)
	p.until(t, "false it answers 500", "true ")

	began := time.Now()
	c.Drain(t.Context())
	if took := time.Since(began); took < 100*time.Millisecond || took > 5*time.Second || !drained {
		t.Errorf("drained %v after %s", drained, took)
	}
	set(500)
	p.until(t, "false it answers 500", "true ", "false its agent ends")
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestAWorkloadsOwnDrainCounts, before the mesh's.
func TestAWorkloadsOwnDrainCounts(t *testing.T) {
	busy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "listener.a.downstream_cx_active: 1\nhttp.a.downstream_cx_active: 1\nhttp.a.downstream_rq_active: 1\n")
	}))
	defer busy.Close()
	p := &plane{changed: make(chan struct{})}
	p.set(model.AgentSettings{Drain: model.Duration(time.Minute)})
	c := New(Options{Logger: slog.New(slog.DiscardHandler), Drain: 100 * time.Millisecond}, Beside{Envoy: admin.Page(busy.URL), Report: p.report, Settings: p.get})
	began := time.Now()
	c.Drain(t.Context())
	if took := time.Since(began); took < 100*time.Millisecond || took > 20*time.Second {
		t.Errorf("it took %s", took)
	}
}

// TestAnIdleWorkloadSaysGoodByeFirst: with nobody to wait for, the report has
// its time.
func TestAnIdleWorkloadSaysGoodByeFirst(t *testing.T) {
	p := &plane{changed: make(chan struct{})}
	c := New(Options{Logger: slog.New(slog.DiscardHandler)}, Beside{Envoy: "http://127.0.0.1:1", Report: p.report, Settings: p.get})
	began := time.Now()
	c.Drain(t.Context())
	if took := time.Since(began); took < goodbye || took > 10*time.Second {
		t.Errorf("it ended after %s", took)
	}
	p.until(t, "false its agent ends")
}
