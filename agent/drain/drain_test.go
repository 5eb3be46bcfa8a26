package drain

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/krater-mesh/krater/agent/admin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// proxy is an admin page whose load is a function of the time since its start.
type proxy struct {
	mu      sync.Mutex
	began   time.Time
	drained bool
	load    func(time.Duration) load
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.URL.Path == "/drain_listeners" {
		p.drained = r.Method == http.MethodPost
		return
	}
	l := p.load(time.Since(p.began))
	fmt.Fprintf(w, `http.admin.downstream_cx_active: 1
http.admin.downstream_rq_active: 1
http.in.downstream_cx_active: %d
http.in.downstream_rq_active: %d
http.in.downstream_rq_total: %d
listener.0.0.0.0_15006.downstream_cx_active: %d
listener.0.0.0.0_15006.worker_0.downstream_cx_active: %d
listener.admin.downstream_cx_active: 1
listener.admin.main_thread.downstream_cx_active: 1
`, l.http, l.active, l.requests, l.connections, l.connections)
}

// waited is how long a proxy of that load was waited for.
func waited(t *testing.T, most time.Duration, l func(time.Duration) load) (time.Duration, *proxy) {
	t.Helper()
	p := &proxy{began: time.Now(), load: l}
	s := httptest.NewServer(p)
	defer s.Close()
	Wait(t.Context(), admin.Page(s.URL), most, slog.New(slog.DiscardHandler))
	return time.Since(p.began), p
}

func TestHowLongIsWaited(t *testing.T) {
	for _, c := range []struct {
		name        string
		most        time.Duration
		load        func(time.Duration) load
		least, last time.Duration
	}{
		{"nobody is there", 10 * time.Second, func(time.Duration) load { return load{} }, 0, Settle},
		{"they leave", 10 * time.Second, func(at time.Duration) load {
			if at > 300*time.Millisecond {
				return load{}
			}
			return load{connections: 1, http: 1, active: 1}
		}, 300 * time.Millisecond, Settle},
		{"they stay, and ask nothing", 10 * time.Second, func(time.Duration) load { return load{connections: 3, http: 3, requests: 9} }, Settle, 3 * Settle},
		{"they go on asking", 2 * Settle, func(at time.Duration) load {
			return load{connections: 1, http: 1, requests: uint64(at / (100 * time.Millisecond))}
		}, 2 * Settle, 4 * Settle},
		{"a request goes on", 2 * Settle, func(time.Duration) load { return load{connections: 1, http: 1, active: 1, requests: 1} }, 2 * Settle, 4 * Settle},
		{"a TCP connection stays", 2 * Settle, func(time.Duration) load { return load{connections: 2, http: 1} }, 2 * Settle, 4 * Settle},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			took, p := waited(t, c.most, c.load)
			if took < c.least || took > c.last {
				t.Errorf("waited %s, want %s to %s", took, c.least, c.last)
			}
			if had := c.load(0).connections > 0; p.drained != had {
				t.Errorf("drained: %v", p.drained)
			}
		})
	}
}

func TestAnEnvoyThatIsGoneIsNotWaitedFor(t *testing.T) {
	began := time.Now()
	Wait(t.Context(), "http://127.0.0.1:1", time.Minute, slog.New(slog.DiscardHandler))
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("waited %s", took)
	}
}
