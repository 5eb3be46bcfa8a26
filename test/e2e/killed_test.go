package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/krater-mesh/krater/test/harness"
)

// rights is a policy that allows GET to everybody; more are lines of its spec.
func rights(name, labels, more string) string {
	return fmt.Sprintf(`apiVersion: krater.dev/v1alpha1
kind: RegoPolicy
metadata: {name: killed-%s}
spec:
  selector: {matchLabels: {%s}}
  query: data.killed.allow
%s  modules:
  - name: killed.rego
    source: |
      package killed
      default allow := false
      allow if input.attributes.request.http.method == "GET"
`, name, labels, more)
}

// underLoad is a kind of request, and what answers to it were.
type underLoad struct {
	name, method, url, user string
	good                    []int // the statuses that it may have

	mu      sync.Mutex
	seen    map[int]int
	slowest time.Duration
	failed  error
}

func (l *underLoad) ask() {
	a, err := ask(l.method, l.url, "", "end-user: "+l.user)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen[a.status]++
	l.slowest = max(l.slowest, a.took)
	if err != nil {
		l.failed = err
	}
}

// TestAKilledPolicydUnderLoad: what proxies decide, or kept, goes on without
// one failure; what is asked follows its failure mode, with its status.
func TestAKilledPolicydUnderLoad(t *testing.T) {
	m := shared.get(t)
	own := func(host int, path string) string { return fmt.Sprintf("http://%s.0.%d:9080%s", m.Network, host, path) }
	add := func(name, labels, more string) {
		m.Add(t, "killed-"+name+".yaml", rights(name, labels, more))
		t.Cleanup(func() { _ = os.Remove(filepath.Join(m.Dir, "killed-"+name+".yaml")) })
	}
	add("kept", "app: details", "  lower: Never\n  cache: {allow: 1h}\n")
	add("open", "app: reviews, version: v2", "  lower: Never\n  failure: Open\n")
	add("closed", "app: reviews, version: v3", "  lower: Never\n")
	loads := []*underLoad{
		{name: "native", method: "GET", url: m.Gateway + ratings, good: []int{200}},
		{name: "native denial", method: "POST", url: m.Gateway + ratings, user: "mallory", good: []int{403}},
		{name: "kept", method: "GET", url: own(3, "/details/0"), good: []int{200}},
		{name: "asked, Open", method: "GET", url: own(5, "/reviews/0"), good: []int{200}},
		{name: "asked, Closed", method: "GET", url: own(6, "/reviews/0"), good: []int{200, 403}},
	}
	for _, l := range loads {
		l.seen = map[int]int{}
		if l.method == "GET" && l.name != "native" {
			wantStatus(t, 10*time.Second, 403, "DELETE", l.url, "")
		}
		wantStatus(t, 10*time.Second, l.good[0], l.method, l.url, "", "end-user: "+l.user)
	}
	untilKept(t, m, 3, own(3, "/details/0"))
	stop := make(chan struct{})
	var running sync.WaitGroup
	for _, l := range loads {
		running.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					l.ask()
				}
			}
		})
	}
	kills := 0
	for deadline := time.Now().Add(4 * time.Second); time.Now().Before(deadline); time.Sleep(300 * time.Millisecond) {
		if pid := m.PID(t, "policyd.pid"); pid != 0 && syscall.Kill(pid, syscall.SIGKILL) == nil {
			kills++
		}
	}
	close(stop)
	running.Wait()
	for _, l := range loads {
		t.Logf("policyd killed %d times, %s: by status %v, slowest %s", kills, l.name, l.seen, l.slowest.Round(time.Millisecond))
		for status, n := range l.seen {
			if status != l.good[0] && status != l.good[len(l.good)-1] {
				t.Errorf("%s: %d of the answers are %d (%v)", l.name, n, status, l.failed)
			}
		}
		if last := l.good[len(l.good)-1]; l.seen[last] == 0 {
			t.Errorf("%s: the answers were %v, want some %d", l.name, l.seen, last)
		}
	}
	harness.Until(t, 20*time.Second, "policyd to answer again", func() error {
		if a := mustAsk(t, "GET", own(6, "/reviews/0"), ""); a.status != 200 {
			return fmt.Errorf("answered %d", a.status)
		}
		return nil
	})
}
