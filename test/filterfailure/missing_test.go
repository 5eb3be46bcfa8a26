package filterfailure_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
)

// TestAModuleThatCannotBeHad: an Envoy that starts is waited for by nobody for
// long. Where the filter fails open, requests pass without it; where it fails
// closed, they are refused; and it is there once its module is.
func TestAModuleThatCannotBeHad(t *testing.T) {
	for _, c := range []struct {
		name, policy string
		status       int
	}{{"open", "FAIL_OPEN", 200}, {"closed", "FAIL_CLOSE", 503}} {
		t.Run(c.name, func(t *testing.T) {
			m := newMachine(t)
			m.mesh.Edit(t, "mesh.yaml", "# evil opens\n  failurePolicy: FAIL_OPEN", "failurePolicy: "+c.policy)
			m.startControl(t)
			away := m.hide(t, "evil")
			began := time.Now()
			m.startAgent(t)
			m.until(t, 90*time.Second, "an answer without the filter", func(a answer) bool { return a.status == c.status && (a.status != 200 || a.seen == "good") })
			t.Logf("answered after %s", time.Since(began).Round(time.Millisecond))
			m.problem(t, model.CodeModuleMissing, "evil")
			if c.status == 503 {
				m.until(t, time.Second, "a refusal", func(a answer) bool { return a.status == 503 && a.seen == "good" || a.status == 503 })
			}
			if err := os.Rename(away, m.kept(away)); err != nil {
				t.Fatal(err)
			}
			m.until(t, 60*time.Second, "both filters", func(a answer) bool { return a.status == 200 && a.seen == "good,evil" })
		})
	}
}

// kept is where the control plane keeps a module that was hidden.
func (m *machine) kept(hidden string) string {
	return filepath.Join(m.state, "modules", filepath.Base(hidden))
}

// hide takes the file of a module away from the control plane, which published
// it already: no agent can have it.
func (m *machine) hide(t *testing.T, name string) string {
	t.Helper()
	var file string
	harness.Until(t, 60*time.Second, "the module to be published", func() error {
		status, err := m.status(t)
		if err != nil {
			return err
		}
		for _, module := range status.Modules {
			if filepath.Base(module.URL) == name+".wasm" {
				file = module.Digest[len("sha256:"):] + ".wasm"
				return nil
			}
		}
		return os.ErrNotExist
	})
	to := filepath.Join(t.TempDir(), file)
	if err := os.Rename(m.kept(to), to); err != nil {
		t.Fatal(err)
	}
	return to
}
