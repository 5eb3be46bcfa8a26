package filterfailure_test

import (
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/model"
)

// TestALoopIsTakenOut: requests without the magic header are served again
// within 5 s, without the guilty filter, and soon with the innocent one. It
// stays out across the agent's restart, and comes back with another
// configuration.
func TestALoopIsTakenOut(t *testing.T) {
	m := newMachine(t)
	m.start(t)
	for i, kind := range []string{"loop", "loop-by-calls"} {
		first := m.envoy()
		began := time.Now()
		go m.ask(kind, 20*time.Second)
		time.Sleep(200 * time.Millisecond) // the one worker has it by now
		m.until(t, 30*time.Second, "requests to be served again", func(a answer) bool { return a.status == 200 && m.envoy() != first })
		harm := time.Since(began)
		t.Logf("%s: served again %s after it began", kind, harm.Round(time.Millisecond))
		if harm > mostHarm {
			t.Errorf("%s harmed requests for %s", kind, harm)
		}
		m.until(t, 30*time.Second, "the innocent filter", func(a answer) bool { return a.status == 200 && a.seen == "good" })
		t.Logf("%s: the innocent filter is back after %s", kind, time.Since(began).Round(time.Millisecond))
		p := m.problem(t, model.CodeFilterLoops, "evil")
		if kind == "loop" && !strings.Contains(p.Message, "counting for ever") {
			t.Errorf("its last line is not told: %s", p.Message)
		}
		if i == 0 {
			m.agent.Kill(t)
			m.startAgent(t)
			m.until(t, 30*time.Second, "the innocent filter, by another agent", func(a answer) bool { return a.status == 200 && a.seen == "good" })
			m.mesh.Edit(t, "mesh.yaml", "mood: first", "mood: second")
			m.until(t, 30*time.Second, "both filters", func(a answer) bool { return a.seen == "good,evil" })
		}
	}
}
