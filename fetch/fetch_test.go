package fetch

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/krater-mesh/krater/fetch/guard"
	"github.com/krater-mesh/krater/model"
)

// server answers without a network: its clock is the test's.
type server struct {
	mu     sync.Mutex
	asked  []time.Time
	got    []*http.Request
	answer func(*http.Request) (status int, header, body string)
}

func (s *server) RoundTrip(req *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked, s.got = append(s.asked, time.Now()), append(s.got, req)
	status, header, body := s.answer(req)
	if status == 0 {
		return nil, errors.New("it is away")
	}
	resp := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: -1, Request: req}
	if name, value, ok := strings.Cut(header, ": "); ok {
		resp.Header.Set(name, value)
	}
	return resp, nil
}

func (s *server) serve(status int, header, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = func(*http.Request) (int, string, string) { return status, header, body }
}

func (s *server) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

// world is a store before a server, and how often it said that something changed.
type world struct {
	*Store
	server  *server
	changes int
}

func newWorld(t *testing.T, dir string, from *server) *world {
	t.Helper()
	w := &world{server: from}
	w.Store = New(Options{Dir: dir, Changed: func() { w.changes++ }})
	w.Store.client = func(guard.Options) *http.Client { return &http.Client{Transport: from} }
	t.Cleanup(w.Close)
	return w
}

var wanted = Request{URL: "https://keys.example/set", Kind: "text", Interval: time.Minute, Check: func(b []byte) error {
	if strings.HasPrefix(string(b), "bad") {
		return errors.New("it does not parse")
	}
	return nil
}}

func (w *world) get() Answer { return w.Get(context.Background(), wanted) }

// after is what is known when so much time went by.
func (w *world) after(d time.Duration) Answer {
	time.Sleep(d)
	synctest.Wait()
	return w.get()
}

func want(t *testing.T, what string, a Answer, body, failure string) {
	t.Helper()
	failed := ""
	if a.Err != nil {
		failed = a.Err.Error()
	}
	if string(a.Body) != body || (failure == "") != (failed == "") || !strings.Contains(failed, failure) {
		t.Errorf("%s: %q, %q; want %q, %q", what, a.Body, failed, body, failure)
	}
}

func TestWhatChangesIsSeenWithinTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		s.serve(200, "", "one")
		w := newWorld(t, "", s)
		if a := w.get(); !a.Pending || a.Body != nil {
			t.Errorf("before anything came: %+v", a)
		}
		want(t, "first", w.after(0), "one", "")
		s.serve(200, "", "two")
		want(t, "changed", w.after(time.Minute), "two", "")
		if w.changes != 2 {
			t.Errorf("it was told %d times, of two contents", w.changes)
		}
		for range 1000 { // who asks often asks us, not the server
			w.get()
		}
		if n := s.count(); n > 3 {
			t.Errorf("the server was asked %d times", n)
		}
		w.after(time.Hour)
		if n := s.count(); n < 55 || n > 80 {
			t.Errorf("the server was asked %d times in an hour, each minute", n)
		}
	})
}

func TestAnOutageLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, s := t.TempDir(), &server{}
		s.serve(200, "", "good")
		w := newWorld(t, dir, s)
		w.get()
		want(t, "first", w.after(0), "good", "")
		for _, failure := range []struct {
			status int
			body   string
			why    string
		}{{0, "", "away"}, {500, "x", "answers 500"}, {404, "", "answers 404"}, {200, "bad keys", "does not parse"}, {200, strings.Repeat("x", 2<<20), "more than the"}, {304, "", "answers 304"}} {
			s.serve(failure.status, "", failure.body)
			want(t, failure.why, w.after(2*time.Minute), "good", failure.why)
		}
		w.Close()
		again := newWorld(t, dir, s) // the server is still away
		want(t, "at once after a restart", again.get(), "good", "")
		want(t, "after a restart", again.after(time.Hour), "good", "answers 304")
		s.serve(200, "", "better")
		want(t, "it is back", again.after(time.Minute), "better", "")
		again.Close()
	})
}

func TestBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		s.serve(0, "", "")
		w := newWorld(t, "", s)
		w.get()
		want(t, "never there", w.after(24*time.Second), "", "away")
		if n := s.count(); n < 4 || n > 6 { // after 2, 4, 8 s, or a little earlier
			t.Errorf("asked %d times in 24 s", n)
		}
		s.serve(503, "Retry-After: 50", "")
		w.after(30 * time.Second)
		before := s.count()
		w.after(35 * time.Second)
		if n := s.count() - before; n > 1 {
			t.Errorf("asked %d times though it wants to be left alone", n)
		}
		if w.changes != 2 {
			t.Errorf("%d changes were told, of two reasons", w.changes)
		}
	})
}

func TestTheServersHints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		s.serve(200, `ETag: "a"`, "tagged")
		w := newWorld(t, t.TempDir(), s)
		w.get()
		want(t, "first", w.after(0), "tagged", "")
		s.serve(304, "", "")
		a := w.after(time.Minute)
		want(t, "not modified", a, "tagged", "")
		if got := s.got[1].Header.Get("If-None-Match"); got != `"a"` || time.Since(a.Seen) > 30*time.Second {
			t.Errorf("If-None-Match %q, seen %s ago", got, time.Since(a.Seen))
		}
		s.serve(200, "Cache-Control: public, max-age=15", "short")
		w.after(time.Minute)
		before := s.count()
		w.after(time.Minute)
		if n := s.count() - before; n < 4 || n > 6 {
			t.Errorf("what is good for 15 s was looked at %d times in a minute", n)
		}
		s.serve(200, "Cache-Control: max-age=86400", "long")
		w.after(time.Minute)
		before = s.count()
		w.after(10 * time.Minute)
		if n := s.count() - before; n < 9 {
			t.Errorf("what is good for a day was looked at %d times in 10 minutes, of one each", n)
		}
	})
}

func TestWhatNobodyWantsIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, s := t.TempDir(), &server{}
		s.serve(200, "", "x")
		w := newWorld(t, dir, s)
		w.get()
		w.after(0)
		for range 3 {
			w.Round()
		}
		before := s.count()
		time.Sleep(time.Hour)
		if n := s.count() - before; n != 0 {
			t.Errorf("asked %d times for what nobody wants", n)
		}
		if files, _ := filepath.Glob(filepath.Join(dir, "*")); len(files) != 1 {
			t.Errorf("kept: %v", files)
		}
		old := time.Now().Add(-25 * time.Hour)
		for key := range map[string]bool{wanted.key(): true} {
			_ = os.Chtimes(w.path(key), old, old)
		}
		w.Round()
		if files, _ := filepath.Glob(filepath.Join(dir, "*")); len(files) != 0 {
			t.Errorf("kept after a day: %v", files)
		}
	})
}

func TestAnotherPolicyIsTriedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		s.serve(0, "", "")
		w := newWorld(t, "", s)
		w.get()
		w.after(time.Minute)
		s.serve(200, "", "now")
		r := wanted
		r.Policy = &model.FetchPolicy{Hosts: []model.FetchHost{{Host: "keys.example", Private: true}}}
		w.Get(context.Background(), r)
		synctest.Wait()
		want(t, "allowed now", w.Get(context.Background(), r), "now", "")
	})
}
