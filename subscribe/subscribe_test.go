package subscribe

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// text is an update's state, readable.
func text(u Update) map[string]string {
	out := map[string]string{}
	for name, b := range u.Resources {
		out[name] = string(b)
	}
	return out
}

func wantState(t *testing.T, u Update, want map[string]string, changed, removed []string) {
	t.Helper()
	if d := cmp.Diff(want, text(u)); d != "" {
		t.Errorf("state (-want +got):\n%s", d)
	}
	if d := cmp.Diff([][]string{changed, removed}, [][]string{u.Changed, u.Removed}); d != "" {
		t.Errorf("changed, removed (-want +got):\n%s", d)
	}
}

func TestUpdatesCarryTheWholeStateAndWhatChanged(t *testing.T) {
	s := newScripted(t)
	r := run(t, s.options(""))
	first := s.request()
	if first.GetNode().GetId() != "krater/test" || first.GetTypeUrl() != testType || len(first.GetResourceNamesSubscribe()) != 0 {
		t.Errorf("first request %v", first)
	}
	s.response("1", map[string]string{"a": `1`, "b": `2`})
	wantState(t, r.update(), map[string]string{"a": "1", "b": "2"}, []string{"a", "b"}, nil)
	if ack := s.request(); ack.GetResponseNonce() != "1" || ack.GetErrorDetail() != nil || ack.GetNode() != nil {
		t.Errorf("answer %v", ack)
	}
	s.response("2", map[string]string{"a": "", "b": `3`})
	wantState(t, r.update(), map[string]string{"b": "3"}, []string{"b"}, []string{"a"})
}

func TestTheFirstEmptyAnswerIsAnUpdate(t *testing.T) {
	s := newScripted(t)
	r := run(t, s.options(""))
	s.request()
	s.response("1", nil)
	wantState(t, r.update(), map[string]string{}, nil, nil)
}

func TestARefusedUpdateLeavesTheLastGoodState(t *testing.T) {
	s := newScripted(t)
	r := run(t, s.options(""))
	s.request()
	s.response("1", map[string]string{"a": `1`})
	r.update()
	s.request()

	r.refuse <- errors.New("a is no good")
	s.response("2", map[string]string{"a": `2`})
	r.update()
	if nack := s.request(); nack.GetResponseNonce() != "2" || nack.GetErrorDetail().GetMessage() != "a is no good" {
		t.Errorf("answer %v", nack)
	}
	s.response("3", map[string]string{"b": `1`})
	wantState(t, r.update(), map[string]string{"a": "1", "b": "1"}, []string{"b"}, nil)
}

func TestWhatIsNotJSONIsRefusedUnseen(t *testing.T) {
	s := newScripted(t)
	run(t, s.options(""))
	s.request()
	s.response("1", map[string]string{"a": `{`})
	if nack := s.request(); !strings.Contains(nack.GetErrorDetail().GetMessage(), "resource a: its value is not JSON") {
		t.Errorf("answer %v", nack)
	}
}

func TestAReconnectTellsWhatIsHere(t *testing.T) {
	s := newScripted(t)
	r := run(t, s.options(""))
	s.request()
	s.response("1", map[string]string{"a": `1`})
	r.update()
	s.request()
	s.send(nil)
	again := s.request()
	if d := cmp.Diff(map[string]string{"a": "v1"}, again.GetInitialResourceVersions()); d != "" || again.GetNode().GetId() == "" {
		t.Errorf("request after reconnecting (-want +got):\n%s", d)
	}
	s.response("1", map[string]string{"a": ""})
	wantState(t, r.update(), map[string]string{}, nil, []string{"a"})
}

// saveGood leaves a last good state in a folder.
func saveGood(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	good := newState(testType)
	good.resources["a"], good.versions["a"] = []byte(`{"x":"<é>"}`), "v7"
	if err := save(dir, "krater/test", good); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestTheLastGoodStateIsUsedWhereTheServerIsSilent(t *testing.T) {
	s := newScripted(t)
	o := s.options(saveGood(t))
	o.Patience = 10 * time.Millisecond
	r := run(t, o)
	u := r.update()
	wantState(t, u, map[string]string{"a": `{"x":"<é>"}`}, []string{"a"}, nil)
	if !u.FromDisk {
		t.Error("the update does not say that it is from disk")
	}
	if got := s.request().GetInitialResourceVersions(); len(got) != 0 {
		t.Errorf("the first request tells %v", got)
	}
	if d := cmp.Diff(map[string]string{"a": "v7"}, s.request().GetInitialResourceVersions()); d != "" {
		t.Errorf("the second request (-want +got):\n%s", d)
	}
}

func TestTheLastGoodStateIsUsedWhereThereIsNoServer(t *testing.T) {
	r := run(t, Options{
		Target: "unix:" + filepath.Join(t.TempDir(), "none.sock"), Node: "krater/test",
		Types: []string{testType}, Dir: saveGood(t),
	})
	if u := r.update(); !u.FromDisk || len(u.Resources) != 1 {
		t.Errorf("update %+v", u)
	}
}

func TestAnAnsweringServerComesBeforeTheDisk(t *testing.T) {
	s := newScripted(t)
	dir := saveGood(t)
	r := run(t, s.options(dir))
	s.request()
	s.response("1", map[string]string{"b": `1`})
	wantState(t, r.update(), map[string]string{"b": "1"}, []string{"b"}, nil)
	s.request() // it is on disk before it is acknowledged
	kept, err := load(dir, testType, "krater/test")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]string{"b": "v1"}, kept.versions); d != "" {
		t.Errorf("on disk (-want +got):\n%s", d)
	}
}

func TestADamagedFileIsAnError(t *testing.T) {
	for name, damage := range map[string]func(string) string{
		"cut":          func(s string) string { return s[:len(s)/2] },
		"changed":      func(s string) string { return strings.Replace(s, "v7", "v8", 1) },
		"other format": func(s string) string { return strings.Replace(s, "/v1", "/v0", 1) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := saveGood(t)
			b, err := os.ReadFile(diskFile(dir, testType))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(diskFile(dir, testType), []byte(damage(string(b))), 0o600); err != nil {
				t.Fatal(err)
			}
			if s, err := load(dir, testType, "krater/test"); err == nil {
				t.Errorf("it is read as %v", s.versions)
			}
		})
	}
	dir := saveGood(t)
	if _, err := load(dir, testType, "krater/other"); err == nil {
		t.Error("another node's state is read")
	}
	if info, err := os.Stat(diskFile(dir, testType)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v, %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestDecodeNamesTheResource(t *testing.T) {
	u := Update{Type: testType, Resources: map[string][]byte{"ns/a": []byte(`{"N":1}`)}}
	type thing struct{ N int }
	got, err := Decode[thing](u)
	if err != nil || got["ns/a"].N != 1 {
		t.Errorf("%v, %v", got, err)
	}
	u.Resources["ns/a"] = []byte(`{"N":"x"}`)
	if _, err := Decode[thing](u); err == nil || !strings.Contains(err.Error(), "decoding Thing ns/a") {
		t.Errorf("error %v", err)
	}
}

func TestBackoffGrowsAndIsBounded(t *testing.T) {
	for attempt := range 100 {
		if w := backoff(attempt); w < 50*time.Millisecond || w > 5*time.Second {
			t.Errorf("attempt %d waits %s", attempt, w)
		}
	}
	if w := backoff(50); w < 2500*time.Millisecond {
		t.Errorf("attempt 50 waits only %s", w)
	}
}
