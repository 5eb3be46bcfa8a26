package filterfailure_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
)

// held are the ways in which a filter never lets go, and the answer to each: 0
// is a connection that ends.
var held = []struct {
	kind   string
	status int
}{
	{"never", 504},           // a request
	{"call", 504},            // a request, for a call that nobody answers within its hour
	{"never-body", 504},      // the end of a request
	{"never-answer", 504},    // an answer
	{"never-answer-body", 0}, // the end of an answer: its headers went out
	{"never-twice", 0},       // a request, and then what the proxy answers
}

// slow is what a filter may hold for two seconds.
const slow = "slow"

// TestWhatIsHeldEnds: whatever way a filter holds a request, that ends within
// 5 s. The filter that fails open stands aside then, and comes back.
func TestWhatIsHeldEnds(t *testing.T) {
	m := newMachine(t)
	m.start(t)
	envoy := m.envoy()

	t.Run("failing open", func(t *testing.T) {
		l := m.load(t)
		began := time.Now()
		if a := m.ask(slow, 10*time.Second); a.status != 200 {
			t.Errorf("what goes on within the limit is answered %+v after %s", a, time.Since(began))
		}
		m.allHeld(t)
		p := m.problem(t, model.CodeFilterHolds, "evil")
		if !strings.Contains(p.Message, "requests waited for it") || !strings.Contains(p.Message, "requests pass without it") {
			t.Errorf("it is not told what happens: %s", p.Message)
		}
		if a := m.ask("never", time.Second); a.status != 200 || a.seen != "good" {
			t.Errorf("it does not stand aside: answered %+v", a)
		}
		m.until(t, 60*time.Second, "the filter to run again", func(a answer) bool { return a.seen == "good,evil" })
		l.end()
		t.Logf("%d other requests, %d not answered 200", l.good+l.bad, l.bad)
		if l.bad > 0 {
			t.Errorf("%d other requests failed", l.bad)
		}
	})
	t.Run("failing closed, with a limit of its own, for some requests", func(t *testing.T) {
		m.mesh.Edit(t, "mesh.yaml", "limits: {memory: 64Mi}", "limits: {memory: 64Mi, pause: 1s}\n  requests: [{methods: [POST]}]")
		m.mesh.Edit(t, "mesh.yaml", "# evil opens\n  failurePolicy: FAIL_OPEN", "failurePolicy: FAIL_CLOSE")
		harness.Until(t, 30*time.Second, "the new limit", func() error {
			if began := time.Now(); m.ask("never", 10*time.Second).status != 504 || time.Since(began) > 2500*time.Millisecond {
				return fmt.Errorf("it took %s", time.Since(began))
			}
			return nil
		})
		l := m.load(t)
		m.allHeld(t)
		if a := m.ask(slow, 10*time.Second); a.status != 504 {
			t.Errorf("what goes on beyond the limit is answered %+v", a)
		}
		m.slowCallers(t)
		l.end()
		if l.bad > 0 {
			t.Errorf("%d other requests failed", l.bad)
		}
	})
	t.Run("at a gateway", func(t *testing.T) { m.gateway(t).allHeld(t) })
	if m.envoy() != envoy {
		t.Errorf("envoy was started again: process %d, was %d", m.envoy(), envoy)
	}
}

// slowCallers sends what takes longer than the limit because of the caller, or
// of the program, while the filter collects bodies: that is not the filter's.
func (m *machine) slowCallers(t *testing.T) {
	t.Helper()
	body, write := io.Pipe()
	go func() {
		defer write.Close()
		for range 5 {
			_, _ = io.WriteString(write, "some of it")
			time.Sleep(500 * time.Millisecond) // the caller is slow; nothing is waited for
		}
	}()
	for what, r := range map[string]struct {
		body   io.Reader
		slowly string
	}{"upload": {body, ""}, "answer": {strings.NewReader("a body"), "yes"}} {
		req, err := http.NewRequest("POST", "http://"+m.address+":8080/", r.body)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("x-evil", "collect")
		if r.slowly != "" {
			req.Header.Set("x-slowly", r.slowly)
		}
		began := time.Now()
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Errorf("a slow %s: %v", what, err)
			continue
		}
		text, err := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != 200 || err != nil || len(text) != 25 || time.Since(began) < 2*time.Second {
			t.Errorf("a slow %s is answered %d %q after %s: %v", what, res.StatusCode, text, time.Since(began), err)
		}
	}
}

// allHeld sends a request for each way, all at once.
func (m *machine) allHeld(t *testing.T) {
	t.Helper()
	var all sync.WaitGroup
	for _, h := range held {
		all.Go(func() {
			began := time.Now()
			a := m.ask(h.kind, 20*time.Second)
			took := time.Since(began)
			t.Logf("%s: answered %d after %s", h.kind, a.status, took.Round(time.Millisecond))
			if a.status != h.status || took > mostHarm {
				t.Errorf("%s: answered %d after %s, want %d", h.kind, a.status, took, h.status)
			}
		})
	}
	all.Wait()
}
