package tour

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
)

// take takes the tour through a stub, with steps that wait little.
func take(t *testing.T, s *stub, steps []Step) (string, error) {
	t.Helper()
	o, client := s.start(t)
	v := &visit{Options: o, client: client, wait: 200 * time.Millisecond, pause: time.Millisecond}
	var out bytes.Buffer
	err := v.run(t.Context(), &out, steps)
	return out.String(), err
}

func TestTourOfAGoodMesh(t *testing.T) {
	out, err := take(t, goodStub(), Steps)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		"\n 2  jason is sent to reviews v2\n    $ curl -i -H 'end-user: jason' http://127.0.0.1:",
		`200 {"version":"v2"}`,
		"v1  80.0 %", "80 of 100",
		"403 RBAC: access denied",
		"x-bookinfo-refused: ratings-editors",
		"-d '{\"Agathon\": 1}'",
		"200 200 200 200 200 429", "200 a page of 39 bytes",
		`krater_requests_total{destination_workload="ratings-v1"`,
		"11 of 11 steps", "krater status", "/productpage     the page",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the tour does not say %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "✗") || strings.Count(out, "✓") != len(Steps) {
		t.Errorf("marks:\n%s", out)
	}
}

// Each break of the mesh must fail its step, and that step alone.
func TestTourOfABadMesh(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(*stub)
		step  Step
		says  string
	}{
		"split":        {func(s *stub) { s.everyV3 = 2 }, split, "wanted 80 ± 16 of 100 from v1, got 50"},
		"no delay":     {func(s *stub) { s.delay = 0 }, delay, "wanted an answer after 2s"},
		"no filter":    {func(s *stub) { s.noFilter = true }, filtered, "wanted the header x-krater-mixed: wasm"},
		"no rego":      {func(s *stub) { s.noRego = true }, regoDenied, "wanted status 403, got 200"},
		"no limit":     {func(s *stub) { s.limit = 100 }, limited, "wanted 429 after 5 requests, got none in 12"},
		"strict limit": {func(s *stub) { s.limit = 3 }, limited, "wanted 5 times 200, then 429"},
		"no telemetry": {func(s *stub) { s.lateScrape = 0 }, metrics, `no krater_requests_total has the label destination_workload="productpage-v1"`},
	} {
		t.Run(name, func(t *testing.T) {
			s := goodStub()
			tc.spoil(s)
			out, err := take(t, s, []Step{page, tc.step})
			if !errors.Is(err, ErrStepsFailed) {
				t.Errorf("error %v", err)
			}
			if !strings.Contains(out, "✗") || !strings.Contains(out, tc.says) || !strings.Contains(out, "1 of 2 steps") {
				t.Errorf("wanted %q:\n%s", tc.says, out)
			}
			if strings.Contains(out, "Open\n") {
				t.Error("a failed tour tells what to try next")
			}
		})
	}
}

func TestNobodyThere(t *testing.T) {
	var out bytes.Buffer
	v := &visit{Options: Options{Page: "http://127.0.0.1:1"}, client: newClient()}
	if err := v.run(t.Context(), &out, []Step{page}); !errors.Is(err, ErrStepsFailed) || !strings.Contains(out.String(), "refused") {
		t.Errorf("%v\n%s", err, &out)
	}
}

func TestFlags(t *testing.T) {
	for _, args := range [][]string{{"--requests", "10"}, {"here"}, {"--no-such"}} {
		var out bytes.Buffer
		if err := Main(t.Context(), &out, args); err == nil || errors.Is(err, ErrStepsFailed) {
			t.Errorf("%v: %v", args, err)
		}
	}
}
