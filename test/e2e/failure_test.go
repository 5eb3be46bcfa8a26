package e2e_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/krater-mesh/krater/test/harness"
)

func kill(t *testing.T, m *harness.Mesh, file string) int {
	t.Helper()
	pid := m.PID(t, file)
	if pid == 0 {
		t.Fatalf("krater keeps no process id in %s", file)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatalf("killing %s: %v", file, err)
	}
	return pid
}

// hold keeps a part stopped: krater starts a dead part again at once, so a
// part that must stay away is stopped by a signal and killed at the end.
func hold(t *testing.T, m *harness.Mesh, file string) {
	t.Helper()
	pid := m.PID(t, file)
	if pid == 0 {
		t.Fatalf("krater keeps no process id in %s", file)
	}
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(pid, syscall.SIGKILL)
		harness.Until(t, 30*time.Second, "the part to be back", func() error {
			if out, code := m.Krater(t, "status"); code != 0 {
				return fmt.Errorf("exit code %d:\n%s", code, out)
			}
			return nil
		})
	})
}

// TestAKilledEnvoyComesBack kills two: one as most are, which serves within
// 5 s, and the one with a Wasm module, which Envoy compiles anew on all cores.
// How long that takes is the machine's: `make bench-smoke` measures it.
func TestAKilledEnvoyComesBack(t *testing.T) {
	m := shared.get(t)
	for _, c := range []struct {
		proxy, path string
		limit       time.Duration
	}{
		{"default.details-v1", "/api/v1/products/0", 5 * time.Second},
		{"default.productpage-v1", "/productpage", 30 * time.Second},
	} {
		t.Run(c.proxy, func(t *testing.T) {
			file := "agents/" + c.proxy + "/envoy.pid"
			before := kill(t, m, file)
			began := time.Now()
			harness.Until(t, c.limit, "another envoy to serve", func() error {
				if pid := m.PID(t, file); pid == 0 || pid == before {
					return fmt.Errorf("the process is %d, was %d", pid, before)
				}
				a, err := ask("GET", m.Gateway+c.path, "")
				if err != nil {
					return err
				}
				if a.status != 200 {
					return fmt.Errorf("%d: %s", a.status, a.body)
				}
				return nil
			})
			t.Logf("back after %s", time.Since(began))
		})
	}
}

// askedAboutRatings has policyd asked about ratings until the test is over: the
// proxy could decide that policy by itself.
func askedAboutRatings(t *testing.T, m *harness.Mesh) {
	t.Helper()
	const file = "policy/ratings.rego.yaml"
	m.Restore(t, file)
	m.Edit(t, file, "  query:", "  lower: Never\n  query:")
	m.Edit(t, file, "editors: [jason]", "editors: [jason, asked]")
	wantStatus(t, 10*time.Second, 200, "POST", m.Gateway+ratings, `{"Agathon": 5}`, "end-user: asked")
}

// A policy that is lowered whole needs no policyd.
func TestLoweredPoliciesGoOnWithoutPolicyd(t *testing.T) {
	m := shared.get(t)
	wantStatus(t, 10*time.Second, 403, "POST", m.Gateway+ratings, `{"Agathon": 5}`, "end-user: asked")
	hold(t, m, "policyd.pid")
	for range 20 {
		if a := mustAsk(t, "GET", m.Gateway+ratings, ""); a.status != 200 {
			t.Errorf("ratings, which everybody may read, answered %d", a.status)
		}
		if a := mustAsk(t, "POST", m.Gateway+ratings, `{"Agathon": 5}`, "end-user: mallory"); a.status != 403 || a.body != "only editors may rate books\n" {
			t.Errorf("a denial with policyd away is %d %q", a.status, a.body)
		}
	}
}

// TestAKilledPolicydFailsOnlyWhatAsksIt kills policyd again and again, as
// krater starts it again at once.
func TestAKilledPolicydFailsOnlyWhatAsksIt(t *testing.T) {
	m := shared.get(t)
	askedAboutRatings(t, m)
	refused := 0
	for deadline := time.Now().Add(3 * time.Second); time.Now().Before(deadline); {
		if pid := m.PID(t, "policyd.pid"); pid != 0 {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		switch a := mustAsk(t, "GET", m.Gateway+ratings, ""); {
		case a.status == 403 || a.status == 503:
			refused++
		case a.status != 200:
			t.Errorf("ratings answered %d, want 200 or a refusal", a.status)
		}
		if a := mustAsk(t, "GET", m.Gateway+"/api/v1/products/0", ""); a.status != 200 {
			t.Errorf("details, which no Rego governs, answered %d, want 200", a.status)
		}
	}
	if refused == 0 {
		t.Error("with policyd killed no request that Rego governs was refused")
	}
	wantStatus(t, 20*time.Second, 200, "GET", m.Gateway+ratings, "")
}

func TestPolicydAwayFailsOnlyWhatAsksIt(t *testing.T) {
	m := shared.get(t)
	askedAboutRatings(t, m)
	hold(t, m, "policyd.pid")
	for range 5 {
		a := mustAsk(t, "GET", m.Gateway+ratings, "")
		if a.status < 400 {
			t.Errorf("ratings, which Rego governs, answered %d with policyd away, want a refusal", a.status)
		}
		if a := mustAsk(t, "GET", m.Gateway+"/api/v1/products/0", ""); a.status != 200 {
			t.Errorf("details, which no Rego governs, answered %d with policyd away, want 200", a.status)
		}
		if a := mustAsk(t, "DELETE", m.Gateway+"/api/v1/products/0", ""); a.status != 403 {
			t.Errorf("a native denial answered %d with policyd away, want 403", a.status)
		}
	}
}

func TestTheControlPlaneAwayChangesNoTraffic(t *testing.T) {
	m := shared.get(t)
	hold(t, m, "controlplane.pid")
	for _, path := range []string{"/productpage", reviews, ratings, "/api/v1/products/0"} {
		for range 10 {
			if a := mustAsk(t, "GET", m.Gateway+path, ""); a.status != 200 {
				t.Fatalf("%s answered %d with the control plane away: %s", path, a.status, a.body)
			}
		}
	}
}

func TestAKilledControlPlaneComesBack(t *testing.T) {
	m := shared.get(t)
	kill(t, m, "controlplane.pid")
	for range 20 {
		if a := mustAsk(t, "GET", m.Gateway+"/api/v1/products/0", ""); a.status != 200 {
			t.Fatalf("answered %d while the control plane was killed", a.status)
		}
	}
	harness.Until(t, 30*time.Second, "the control plane to be back", func() error {
		if out, code := m.Krater(t, "status"); code != 0 {
			return fmt.Errorf("exit code %d:\n%s", code, out)
		}
		return nil
	})
	m.Restore(t, "reviews.yaml")
	m.Edit(t, "reviews.yaml", "subset: v2", "subset: v3")
	harness.Until(t, 10*time.Second, "the edit to take effect", func() error {
		if got := version(mustAsk(t, "GET", m.Gateway+reviews, "", "end-user: jason").body); got != "v3" {
			return fmt.Errorf("jason gets %s", got)
		}
		return nil
	})
}
