package main

import (
	"testing"
	"time"

	"github.com/krater-mesh/krater/filters/sdk"
	"github.com/krater-mesh/krater/filters/sdk/sdktest"
)

func start(t *testing.T, config string) (*sdktest.Host, sdk.Filter) {
	t.Helper()
	h := sdktest.NewHost()
	h.AnswerHTTP = func(c sdk.HTTPCall) sdk.HTTPAnswer {
		switch c.Headers[0][1] {
		case "good":
			return sdk.HTTPAnswer{Status: 200, Headers: sdk.NewHeaderList([2]string{"x-api-user", "ann"})}
		case "bad":
			return sdk.HTTPAnswer{Status: 401}
		}
		return sdk.HTTPAnswer{Status: 504}
	}
	f, err := New(h, []byte(config))
	if err != nil {
		t.Fatal(err)
	}
	return h, f
}

// ask gives the status of the filter's own answer, 0 if the request went on.
func ask(t *testing.T, h *sdktest.Host, f sdk.Filter, key string) int {
	t.Helper()
	s := h.NewStream([2]string{"x-api-key", key}, [2]string{"x-api-user", "root"})
	if f.OnRequest(s) == sdk.Pause {
		h.Deliver()
		if (s.Answer == nil) != (s.ResumedRequest == 1) {
			t.Errorf("%s: answered %v, resumed %d times", key, s.Answer, s.ResumedRequest)
		}
	}
	if s.Answer != nil {
		return s.Answer.Status
	}
	if user, _ := s.Request().Get("x-api-user"); user != "ann" {
		t.Errorf("%s: the user is %q", key, user)
	}
	return 0
}

func TestAnswersAreRememberedForAWhile(t *testing.T) {
	h, f := start(t, `{"cluster":"keys","cacheFor":"10s"}`)
	for i, c := range []struct {
		key   string
		after time.Duration
		want  int
		asked uint64
	}{
		{"good", 0, 0, 1}, {"good", 9 * time.Second, 0, 1}, {"good", 2 * time.Second, 0, 2},
		{"bad", 0, 403, 3}, {"bad", 0, 403, 3}, {"down", 0, 503, 4}, {"down", 0, 503, 5}, {"", 0, 401, 5},
	} {
		h.Time = h.Time.Add(c.after)
		if got := ask(t, h, f, c.key); got != c.want || h.Counters["api_key_asked"] != c.asked {
			t.Errorf("%d: %s is answered %d after %d questions, want %d after %d", i, c.key, got, h.Counters["api_key_asked"], c.want, c.asked)
		}
	}
}

func TestTheMemoryIsBounded(t *testing.T) {
	h, f := start(t, `{"cluster":"keys","cacheSize":2}`)
	for _, key := range []string{"good", "bad", "good", "bad"} {
		ask(t, h, f, key)
	}
	f.(*Filter).keep("third", answer{})
	if n := len(f.(*Filter).known); n != 2 {
		t.Errorf("%d answers are kept", n)
	}
}
