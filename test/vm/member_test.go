package vm

import (
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/test/netns"
)

// load asks without a pause until it is stopped, and tells what failed.
type load struct {
	stop   chan struct{}
	all    sync.WaitGroup
	mu     sync.Mutex
	sent   int
	failed []string
}

func (w *world) load(clients int) *load {
	l := &load{stop: make(chan struct{})}
	for range clients {
		c := w.caller()
		l.all.Go(func() {
			for {
				select {
				case <-l.stop:
					return
				default:
				}
				status, who := ask(c)
				l.mu.Lock()
				if l.sent++; status != 200 {
					l.failed = append(l.failed, fmt.Sprint(status, " ", who))
				}
				l.mu.Unlock()
			}
		})
	}
	return l
}

func (l *load) end(t *testing.T) {
	t.Helper()
	close(l.stop)
	l.all.Wait()
	t.Logf("%d requests", l.sent)
	if len(l.failed) > 0 || l.sent < 20 {
		t.Errorf("%d of %d requests failed: %.5v", len(l.failed), l.sent, l.failed)
	}
}

// TestMembersComeAndGo: machines register themselves, their health decides
// whether they are called, and nobody is cut off when one leaves.
func TestMembersComeAndGo(t *testing.T) {
	w := start(t)
	c := w.caller()
	if status, _ := ask(c); status != 503 {
		t.Errorf("nobody is there, and %d is the answer", status)
	}
	one, two := w.join("one"), w.join("two")
	w.answers(c, "one", "two")
	for _, m := range []*machine{one, two} {
		if !strings.Contains(w.status(), "default/ratings-"+strings.ReplaceAll(m.Address, ".", "-")) {
			t.Errorf("krater status does not know %s:\n%s", m.Name, w.status())
		}
		if code, body := page(m.Host, "127.0.0.1:15021/healthz/ready"); code != 200 {
			t.Errorf("%s is not ready: %d %s", m.Name, code, body)
		}
	}

	t.Run("the mesh's names are known there", func(t *testing.T) {
		harness.Until(t, 30*time.Second, "a lookup", func() error {
			if out, code := one.Try(netns.Command{UID: 1000, Args: []string{"getent", "ahostsv4", "ratings.shop"}}); code != 0 {
				return fmt.Errorf("%d %s", code, out)
			}
			return nil
		})
	})

	t.Run("health is known within a second", func(t *testing.T) {
		best := time.Hour
		for range 3 { // the machine that runs this may be busy
			one.app.Stop(t)
			best = min(best, w.outAfter(t, one))
			one.serve()
			w.answers(c, "one", "two")
			if best < time.Second {
				break
			}
		}
		if t.Logf("callers know after %s", best); best >= time.Second {
			t.Errorf("callers know only after %s", best)
		}
	})

	t.Run("an edit of the group reaches its agents", func(t *testing.T) {
		w.edit(strings.Replace(mesh, "path: /health", "path: /nowhere", 1))
		harness.Until(t, 30*time.Second, "nobody to be called", func() error {
			if status, who := ask(c); status != 503 {
				return fmt.Errorf("%d %s", status, who)
			}
			return nil
		})
		if code, body := page(one.Host, "127.0.0.1:15021/healthz/ready"); code != 503 || !strings.Contains(body, "it answers 404") {
			t.Errorf("%d %s", code, body)
		}
		w.edit(mesh)
		w.answers(c, "one", "two")
	})

	t.Run("its metrics and its Envoy's are one text", func(t *testing.T) {
		code, body := page(one.Host, "127.0.0.1:15020/stats/prometheus")
		for _, want := range []string{"krater_agent_application_healthy 1\n", "\nenvoy_server_live{} 1\n", `krater_agent_scrape_failures_total{part="envoy"} 0`} {
			if code != 200 || !strings.Contains(body, want) {
				t.Errorf("%d, no %q in %d bytes", code, want, len(body))
			}
		}
		if code, _ := page(w.here, one.Address+":15020/stats/prometheus"); code == 200 {
			t.Error("another machine gets them, too")
		}
	})

	t.Run("a graceful end costs no request", func(t *testing.T) {
		l := w.load(4)
		w.answers(c, "one", "two")
		one.agent.Stop(t)
		w.answers(c, "two")
		l.end(t)
		w.gone(t, one)
	})

	t.Run("an agent that is killed is removed", func(t *testing.T) {
		two.agent.Signal(syscall.SIGKILL)
		w.gone(t, two)
		harness.Until(t, 30*time.Second, "nobody to be called", func() error {
			if status, who := ask(c); status != 503 {
				return fmt.Errorf("%d %s", status, who)
			}
			return nil
		})
	})
}

// outAfter is how long after an agent knew that its application is not well
// callers know it.
func (w *world) outAfter(t *testing.T, m *machine) time.Duration {
	t.Helper()
	var known time.Time
	harness.Until(t, 30*time.Second, "callers to know", func() error {
		if code, _ := page(m.Host, "127.0.0.1:15021/healthz/ready"); code == 503 && known.IsZero() {
			known = time.Now()
		}
		_, clusters := page(w.here, "127.80.0.2:15000/clusters")
		for line := range strings.Lines(clusters) {
			if strings.Contains(line, m.Address+":9080::health_flags::") && strings.Contains(line, "failed_eds_health") {
				return nil
			}
		}
		return fmt.Errorf("not yet")
	})
	if known.IsZero() {
		return 0
	}
	return time.Since(known)
}

// gone waits until nothing is declared of a machine.
func (w *world) gone(t *testing.T, m *machine) {
	t.Helper()
	harness.Until(t, 40*time.Second, m.Name+" to be removed", func() error {
		if s := w.status(); strings.Contains(s, "ratings-"+strings.ReplaceAll(m.Address, ".", "-")) {
			return fmt.Errorf("it is there:\n%s", s)
		}
		return nil
	})
}
