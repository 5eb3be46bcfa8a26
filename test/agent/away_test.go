package agent_test

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/krater-mesh/krater/test/harness"
)

// Within which an Envoy serves again with everything else away. One with a
// Wasm module of Go compiles it first, which takes what the machine takes.
const (
	back         = 5 * time.Second
	backWithWasm = 30 * time.Second
)

// TestEnvoyServesWithTheControlPlaneAway: what is killed comes back from disk,
// Envoy and agent, and edits flow again once the control plane is back.
func TestEnvoyServesWithTheControlPlaneAway(t *testing.T) {
	for _, c := range []struct {
		name, stamp string
		within      time.Duration
		wasm        bool
	}{{"native", "", back, false}, {"wasm", "first", backWithWasm, true}} {
		t.Run(c.name, func(t *testing.T) {
			m := newMachine(t)
			if !c.wasm {
				m.mesh.Edit(t, "mesh.yaml", "kind: Filter\nmetadata: {name: stamped}\nspec:\n", "kind: Filter\nmetadata: {name: stamped}\nspec:\n  selector: {matchLabels: {nobody: has}}\n")
			}
			m.startControl(t)
			m.startAgent(t)
			m.serves(t, 60*time.Second, c.stamp)
			m.kept(t)
			private(t, filepath.Join(m.state, "agents"))

			m.control.Kill(t)
			first := m.envoy()
			if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			m.serves(t, c.within, c.stamp, first)

			second := m.envoy()
			m.agent.Kill(t)
			m.startAgent(t)
			m.serves(t, c.within, c.stamp, first, second)

			third := m.envoy()
			m.startControl(t)
			m.mesh.Edit(t, "mesh.yaml", "methods: [DELETE]", "methods: [DELETE, PUT]")
			harness.Until(t, 20*time.Second, "an edit to take effect", func() error {
				status, _, err := m.ask("PUT")
				if err == nil && status != 403 {
					err = errStatus(status)
				}
				return err
			})
			if c.wasm {
				m.mesh.Edit(t, "mesh.yaml", "x-stamp: first", "x-stamp: second")
				m.serves(t, 20*time.Second, "second")
			}
			if m.envoy() != third {
				t.Errorf("envoy was started again: process %d, was %d", m.envoy(), third)
			}
		})
	}
}

func TestTwoAgentsDoNotShareAFolder(t *testing.T) {
	m := newMachine(t)
	m.startControl(t)
	m.startAgent(t)
	m.serves(t, 60*time.Second, "first")
	out, err := m.mesh.Command("agent", "--state", m.state, "--workload", "default/one", "--address", m.address).CombinedOutput()
	if err == nil || !contains(out, "another agent runs in") {
		t.Errorf("a second agent: %v\n%s", err, out)
	}
	m.serves(t, time.Second, "first")
}
