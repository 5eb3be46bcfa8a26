package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/krater-mesh/krater/test/harness"
)

// pause stops a part, which krater therefore does not start again, until it is
// killed by what this gives.
func pause(t *testing.T, m *harness.Mesh, file string) (kill func()) {
	t.Helper()
	pid := m.PID(t, file)
	if pid == 0 || syscall.Kill(pid, syscall.SIGSTOP) != nil {
		t.Fatalf("%s cannot be stopped", file)
	}
	killed := false
	kill = func() {
		if !killed {
			killed = true
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	t.Cleanup(func() {
		kill()
		harness.Until(t, 30*time.Second, "the part to be back", func() error {
			if out, code := m.Krater(t, "status"); code != 0 {
				return fmt.Errorf("exit code %d:\n%s", code, out)
			}
			return nil
		})
	})
	return kill
}

// TestAProxyThatHearsNothingAsks: with the control plane away, what a policy
// with maxStaleness allows natively is asked about once that is over.
func TestAProxyThatHearsNothingAsks(t *testing.T) {
	const within = 3 * time.Second
	m := shared.get(t)
	m.Restore(t, "policy/ratings.rego.yaml")
	m.Edit(t, "policy/ratings.rego.yaml", "  query:", "  maxStaleness: 3s\n  query:")
	m.Edit(t, "policy/ratings.rego.yaml", "editors: [jason]", "editors: [jason, stale]")
	wantStatus(t, 10*time.Second, 200, "POST", m.Gateway+ratings, `{"Agathon": 5}`, "end-user: stale")
	m.Add(t, "stale-kept.yaml", rights("stale", "app: reviews, version: v1", "  lower: Never\n  cache: {allow: 1h}\n  maxStaleness: 3s\n"))
	t.Cleanup(func() { _ = os.Remove(filepath.Join(m.Dir, "stale-kept.yaml")) })
	kept := "http://" + m.Network + ".0.4:9080/reviews/0"
	untilKept(t, m, 4, kept)
	ratingsAsked := func() int { return asked(t, m, 7) }
	reads := func(want int, what string) {
		t.Helper()
		if a := mustAsk(t, "GET", m.Gateway+ratings, ""); a.status != want {
			t.Errorf("%s: ratings, which everybody may read, answered %d, want %d", what, a.status, want)
		}
	}
	denies := func(what string) {
		t.Helper()
		if a := mustAsk(t, "POST", m.Gateway+ratings, `{"Agathon": 5}`, "end-user: mallory"); a.status != 403 || a.body != "only editors may rate books\n" {
			t.Errorf("%s: a denial is %d %q", what, a.status, a.body)
		}
	}
	before, reviews := ratingsAsked(), asked(t, m, 4)
	for deadline := time.Now().Add(within * 3 / 2); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		reads(200, "with the control plane there")
		if a := mustAsk(t, "GET", kept, ""); a.status != 200 {
			t.Errorf("what is kept is answered %d with the control plane there", a.status)
		}
	}
	if n, d := ratingsAsked()-before, asked(t, m, 4)-reviews; n > 0 || d > 0 {
		t.Errorf("policyd was asked %d and %d times with the control plane there", n, d)
	}

	back := pause(t, m, "controlplane.pid")
	for deadline := time.Now().Add(within / 3); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		reads(200, "soon after the control plane went")
	}
	if n := ratingsAsked() - before; n > 0 {
		t.Errorf("policyd was asked %d times soon after the control plane went", n)
	}
	harness.Until(t, within+time.Second, "policyd to be asked", func() error {
		reads(200, "with the control plane away")
		if ratingsAsked() == before {
			return fmt.Errorf("it is not")
		}
		return nil
	})
	denies("with the control plane away")
	if before = ratingsAsked(); before == 0 {
		t.Fatal("nothing is counted")
	}
	reads(200, "with the control plane away for long")
	if ratingsAsked() == before {
		t.Error("policyd is not asked about each request")
	}

	pause(t, m, "policyd.pid")
	reads(403, "with both away")
	if a := mustAsk(t, "GET", kept, ""); a.status != 403 {
		t.Errorf("an answer that was kept is given with both away: %d", a.status)
	}
	denies("with both away")
	back()
	harness.Until(t, 30*time.Second, "the proxy to decide again", func() error {
		if a := mustAsk(t, "GET", m.Gateway+ratings, ""); a.status != 200 {
			return fmt.Errorf("answered %d", a.status)
		}
		return nil
	})
	harness.Until(t, 30*time.Second, "what was kept to be given again", func() error {
		if a := mustAsk(t, "GET", kept, ""); a.status != 200 {
			return fmt.Errorf("answered %d", a.status)
		}
		return nil
	})
}
