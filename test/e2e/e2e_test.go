// Package e2e_test runs Bookinfo behind real Envoys and asks of it what its
// users would: each test is one promise of the README.
package e2e_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/krater-mesh/krater/test/harness"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.stop(code != 0) {
		code = 1
	}
	harness.RemoveBinaries()
	os.Exit(code)
}

// shared is one mesh for all tests that leave it as they found it. Its parts
// are processes of their own, so that each can be killed.
var shared sharedMesh

type sharedMesh struct {
	once sync.Once
	mesh *harness.Mesh
	tb   *holder
}

// holder is a testing.TB whose cleanups run at the end of the package.
type holder struct {
	testing.TB
	cleanups []func()
	failed   bool
}

func (h *holder) Cleanup(f func()) { h.cleanups = append(h.cleanups, f) }

// While the package ends no test runs any more that could be told anything.
func (h *holder) Helper()                        {}
func (h *holder) Logf(format string, a ...any)   { fmt.Fprintf(os.Stderr, format+"\n", a...) }
func (h *holder) Errorf(format string, a ...any) { h.Logf(format, a...); h.failed = true }
func (h *holder) Failed() bool                   { return h.failed }

func (s *sharedMesh) get(t *testing.T) *harness.Mesh {
	t.Helper()
	s.once.Do(func() {
		s.tb = &holder{TB: t}
		s.mesh = harness.StartMesh(s.tb, "samples/bookinfo", "--separate", "--quiet")
	})
	if s.mesh == nil {
		t.Fatal("the shared mesh did not start; see the first failure")
	}
	return s.mesh
}

// stop ends the shared mesh, prints its log if anything failed, and tells
// whether it ended as it should.
func (s *sharedMesh) stop(failed bool) (bad bool) {
	if s.tb == nil {
		return false
	}
	s.tb.failed = failed
	for i := len(s.tb.cleanups) - 1; i >= 0; i-- {
		s.tb.cleanups[i]()
	}
	return s.tb.failed
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
	took   time.Duration
}

var client = &http.Client{
	Timeout: 20 * time.Second,
	Transport: &http.Transport{
		MaxIdleConnsPerHost: 64,
	},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// ask sends one request; headers are "Name: value".
func ask(method, url, body string, headers ...string) (answer, error) {
	return send(client, method, url, body, headers)
}

func send(by *http.Client, method, url, body string, headers []string) (answer, error) {
	req, err := http.NewRequestWithContext(context.Background(), method, url, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Add(name, value)
	}
	began := time.Now()
	res, err := by.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, string(text), time.Since(began)}, err
}

func mustAsk(t *testing.T, method, url, body string, headers ...string) answer {
	t.Helper()
	a, err := ask(method, url, body, headers...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	return a
}

// wantStatus waits until a request is answered with a status.
func wantStatus(t *testing.T, limit time.Duration, status int, method, url, body string, headers ...string) answer {
	t.Helper()
	var last answer
	harness.Until(t, limit, fmt.Sprintf("%d from %s %s", status, method, url), func() error {
		a, err := ask(method, url, body, headers...)
		if err != nil {
			return err
		}
		if a.status != status {
			return fmt.Errorf("%d: %s", a.status, a.body)
		}
		last = a
		return nil
	})
	return last
}

// version is which reviews answered, "v1", "v2" or "v3".
func version(body string) string {
	for _, v := range []string{"v1", "v2", "v3"} {
		if strings.Contains(body, "reviews-"+v) {
			return v
		}
	}
	return body
}
