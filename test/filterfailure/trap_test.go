package filterfailure_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
)

// TestWhatTrapsOrGrowsIsStartedAgain: by one filter after the other, in one
// Envoy that never ends.
func TestWhatTrapsOrGrowsIsStartedAgain(t *testing.T) {
	m := newMachine(t)
	m.start(t)
	envoy := m.envoy()

	t.Run("a trap, failing open", func(t *testing.T) {
		l := m.load(t)
		for range 3 {
			m.ask("trap-at-third", 5*time.Second)
		}
		p := m.problem(t, model.CodeFilterFails, "evil")
		if !strings.Contains(p.Message, "panic: the third request") {
			t.Errorf("its lines are not told: %s", p.Message)
		}
		m.until(t, 10*time.Second, "the filter to run again", func(a answer) bool { return a.seen == "good,evil" })
		l.end()
		t.Logf("%d requests, %d not answered 200, for %s at most", l.good+l.bad, l.bad, l.harm)
		if l.bad > callers || l.harm > time.Second {
			t.Errorf("it fails open, and %d requests failed, for %s", l.bad, l.harm)
		}
	})
	t.Run("memory that grows", func(t *testing.T) {
		l := m.load(t)
		for range 25 {
			m.ask("grow", 5*time.Second)
		}
		m.problem(t, model.CodeFilterMemory, "evil")
		harness.Until(t, 20*time.Second, "the memory to be small again", func() error {
			status, err := m.status(t)
			if err != nil {
				return err
			}
			for _, f := range status.Proxies[0].Report.Filters {
				if f.Object == "Filter default/evil" && f.Memory > 0 && f.Memory < 64<<20 {
					return nil
				}
			}
			return fmt.Errorf("%+v", status.Proxies[0].Report.Filters)
		})
		m.until(t, 10*time.Second, "the filter to run", func(a answer) bool { return a.seen == "good,evil" })
		l.end()
		t.Logf("%d requests, %d not answered 200", l.good+l.bad, l.bad)
		if l.bad > 0 {
			t.Errorf("%d requests failed", l.bad)
		}
	})
	t.Run("a trap, failing closed", func(t *testing.T) {
		for _, name := range []string{"evil", "good"} {
			m.mesh.Edit(t, "mesh.yaml", "# "+name+" opens\n  failurePolicy: FAIL_OPEN", "failurePolicy: FAIL_CLOSE")
		}
		harness.Until(t, 30*time.Second, "the new policies", m.closed)
		l := m.load(t)
		for range 3 {
			t.Logf("a request for a trap is answered %+v", m.ask("trap-at-third", 5*time.Second))
		}
		m.until(t, 10*time.Second, "a refusal", func(a answer) bool { return a.status == 503 })
		m.until(t, 10*time.Second, "the filter to run again", func(a answer) bool { return a.seen == "good,evil" })
		l.end()
		t.Logf("%d requests, %d not answered 200, for %s at most", l.good+l.bad, l.bad, l.harm)
		if l.bad == 0 || l.harm > mostHarm {
			t.Errorf("it fails closed: %d requests failed, for %s", l.bad, l.harm)
		}
	})
	if m.envoy() != envoy {
		t.Errorf("envoy was started again: process %d, was %d", m.envoy(), envoy)
	}
}

// closed tells whether both filters fail closed in Envoy.
func (m *machine) closed() error {
	res, err := http.Get("http://" + m.address + ":15000/config_dump?resource=ecds_filters")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && strings.Count(string(text), "FAIL_CLOSED") < 2 {
		err = errors.New("some fail open")
	}
	return err
}
