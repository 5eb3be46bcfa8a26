package load

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestParseLog(t *testing.T) {
	got, err := parseLog("1000000\t200\t1000\n1001000\t200\t3000\n1500000\t200\t500000\n", 3)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Result{Requests: 3, PerSecond: 3, P50: 3, P99: 500}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestParseLogRefuses(t *testing.T) {
	for name, c := range map[string]struct{ log, want string }{
		"a refusal":          {"1\t403\t5\n", "answered 403"},
		"a missing answer":   {"", "of 1 requests"},
		"too many answers":   {"1\t200\t5\n1\t200\t5\n", "2 of 1"},
		"half a line":        {"1\t200\n", "a line"},
		"something else":     {"a\tb\tc\n", "a line"},
		"a broken exchange":  {"1\t-1\t5\n", "answered -1"},
		"an internal answer": {"1\t503\t5\n", "answered 503"},
	} {
		if _, err := parseLog(c.log, 1); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

func TestRun(t *testing.T) {
	if err := Find(); err != nil {
		t.Skip(err)
	}
	status := http.StatusOK
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	defer s.Close()
	l := Load{URL: s.URL + "/x", Requests: 200, Connections: 4, Limit: 20 * time.Second}
	got, err := l.Run(context.Background())
	if err != nil || got.Requests != 200 || got.PerSecond <= 0 || got.P99 < got.P50 {
		t.Errorf("got %+v, %v", got, err)
	}
	status = http.StatusForbidden
	if _, err := l.Run(context.Background()); err == nil {
		t.Error("refusals were counted as answers")
	}
}

func TestRunStaysOnThisMachine(t *testing.T) {
	for _, target := range []string{"http://example.com/", "http://10.0.0.1/", "http://localhost/", "://"} {
		if _, err := (Load{URL: target, Requests: 1, Connections: 1, Limit: time.Second}).Run(context.Background()); err == nil {
			t.Errorf("%s was loaded", target)
		}
	}
}
