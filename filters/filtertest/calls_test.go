package filtertest_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/filters/filtertest"
	"github.com/krater-mesh/krater/filters/sdk"
)

// manual has the test answer the calls itself.
func manual(m *filtertest.Module) {
	m.Services["http"], m.GRPCServices["grpc"] = nil, nil
}

func chained(id string) string {
	first := id + ">g" + id
	second := first + ">h" + first
	return second + ">g" + second
}

// TestCallsNeverCross opens many requests, each with three calls one inside
// the other's callback, and answers in a random order while some clients go
// away and some calls time out.
func TestCallsNeverCross(t *testing.T) {
	for _, env := range []string{"GOGC=100", "GOGC=1"} {
		t.Run(env, func(t *testing.T) { callsNeverCross(t, 300, env) })
	}
}

func callsNeverCross(t *testing.T, total int, env string) {
	m, p := capable(t, "chain", "", env)
	manual(m)
	r := rand.New(rand.NewPCG(3, 4))
	open := map[string]*filtertest.Stream{}
	done, cancelled, timedOut := 0, 0, 0
	finish := func(id string, want func(filtertest.Result) error) {
		t.Helper()
		res, err := open[id].Close()
		if err == nil {
			err = want(res)
		}
		if err != nil {
			t.Fatalf("stream %s: %v", id, err)
		}
		delete(open, id)
	}
	for n := 0; n < total || len(open) > 0; {
		switch pick := r.IntN(10); {
		case pick < 3 && n < total && len(open) < 100:
			n++
			id := fmt.Sprint(n)
			s, err := p.Open(filtertest.Request{Headers: [][2]string{{"x-id", id}}})
			if err != nil || !s.Paused() {
				t.Fatalf("stream %s is not paused, %v", id, err)
			}
			open[id] = s
		case pick == 3 && r.IntN(3) == 0:
			for id := range open { // any one
				finish(id, func(res filtertest.Result) error { return nil })
				cancelled++
				break
			}
		default:
			if out := m.Out(); len(out) > 0 {
				c := out[r.IntN(len(out))]
				var err error
				switch {
				case r.IntN(30) == 0:
					err = c.TimeOut()
					timedOut++
				case c.HTTP != nil:
					err = c.Answer(echo(*c.HTTP))
				default:
					err = c.AnswerGRPC(say(*c.GRPC))
				}
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		for id, s := range open {
			if s.Paused() {
				continue
			}
			finish(id, func(res filtertest.Result) error {
				if res.Reply != nil {
					if res.Reply.Status != 502 || !strings.HasPrefix(res.Reply.Body, "grpc 14") && !strings.HasPrefix(res.Reply.Body, "http 504") {
						return fmt.Errorf("replied %+v", res.Reply)
					}
					return nil
				}
				done++
				if v, _ := res.Request.Get("x-answers"); v != chained(id) {
					return fmt.Errorf("has %q, want %q", v, chained(id))
				}
				return nil
			})
		}
	}
	if v, _ := m.Metric("chain_open"); v != 0 || done == 0 || cancelled == 0 || timedOut == 0 {
		t.Errorf("%d done, %d canceled, %d timed out, %d still open", done, cancelled, timedOut, v)
	}
	for _, c := range m.Out() { // gRPC calls are canceled with their stream
		if c.GRPC != nil {
			t.Errorf("a gRPC call is out for a stream that is over: %+v", *c.GRPC)
		}
		if err := c.Answer(sdk.HTTPAnswer{Status: 200}); err != nil {
			t.Fatal(err)
		}
	}
	if log := m.Log(); len(log) > 0 {
		t.Errorf("the log has %d lines, first %v", len(log), log[0])
	}
}

func TestManyCallsAtOnce(t *testing.T) {
	m, p := capable(t, "fan", "")
	res := send(t, p, filtertest.Request{Headers: [][2]string{{"x-calls", "20"}}})
	if v, _ := res.Request.Get("x-sum"); v != "190" || len(m.Out()) != 0 {
		t.Errorf("the sum is %q, %d calls are out", v, len(m.Out()))
	}
}

func TestACallThatFails(t *testing.T) {
	m, p := capable(t, "chain", "")
	m.GRPCServices["grpc"] = func(sdk.GRPCCall) sdk.GRPCAnswer { return sdk.GRPCAnswer{Status: 7, Text: "not you"} }
	res := send(t, p, filtertest.Request{Headers: [][2]string{{"x-id", "1"}}})
	if res.Reply == nil || res.Reply.Body != "grpc 7 not you" {
		t.Errorf("replied %+v", res.Reply)
	}
	m.GRPCServices["grpc"] = say
	m.Services["http"] = func(sdk.HTTPCall) sdk.HTTPAnswer { return sdk.HTTPAnswer{} }
	res = send(t, p, filtertest.Request{Headers: [][2]string{{"x-id", "1"}}})
	if res.Reply == nil || res.Reply.Body != "http 0 " {
		t.Errorf("replied %+v", res.Reply)
	}
}

// TestNothingIsKeptOfAStream: memory stays as it is through many streams that
// paused and called.
func TestNothingIsKeptOfAStream(t *testing.T) {
	m, p := capable(t, "chain", "", "GOGC=1")
	run := func(n int) int {
		for range n {
			send(t, p, filtertest.Request{Headers: [][2]string{{"x-id", "1"}}})
		}
		return m.MemorySize()
	}
	if before, after := run(1200), run(1200); after > before+2<<16 { // two pages: Go takes them as it comes
		t.Errorf("memory grew from %d to %d bytes", before, after)
	}
}
