package decisioncache

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/filters/decisioncache/config"
	"github.com/krater-mesh/krater/filters/sdk"
	"github.com/krater-mesh/krater/filters/sdk/sdktest"
)

const answer = "metadata.filter_metadata.envoy.filters.http.ext_authz.krater_cache"

func settings(change func(*config.Config)) config.Config {
	c := config.Config{PolicySet: "set1", KeyID: "key1", Token: "0123456789abcdef", AllowMillis: 5000, DenyMillis: 1000,
		Inputs: []config.Input{{Header: ":path"}, {Header: "who"}, {Property: []string{"source", "address"}}},
		Answer: config.Answer{Namespace: "envoy.filters.http.ext_authz", Field: "krater_cache"}, DenyHeaders: []string{"www-authenticate"}}
	if change != nil {
		change(&c)
	}
	return c
}

type world struct {
	t *testing.T
	h *sdktest.Host
	f sdk.Filter
}

func start(t *testing.T, c config.Config) *world {
	h := sdktest.NewHost()
	f, err := New(h, []byte(c.JSON()))
	if err != nil {
		t.Fatal(err)
	}
	return &world{t, h, f}
}

// ask sends a request; an authorization that is asked says what marked is, with
// the status. It gives "hit allow", "hit deny STATUS BODY" or "asked".
func (w *world) ask(marked string, status int, body string, headers ...[2]string) string {
	s := w.h.NewStream(headers...)
	s.Properties["source.address"] = "10.0.0.1:1"
	if w.f.OnRequest(s) == sdk.Stop {
		return fmt.Sprintf("hit deny %d %s %v", s.Answer.Status, s.Answer.Body, s.Answer.Headers)
	}
	if s.Written[Decision] != "" {
		if s.Written[Decision] != "0123456789abcdef" {
			w.t.Errorf("the token is %q", s.Written[Decision])
		}
		return "hit allow"
	}
	if marked != "" {
		s.Properties[answer] = marked
	}
	s.ResponseHeaders.Set(":status", fmt.Sprint(status))
	s.ResponseHeaders.Set("www-authenticate", "Bearer")
	if body != "" {
		s.ResponseHeaders.Set("content-length", fmt.Sprint(len(body)))
	}
	w.f.OnResponse(s)
	return "asked"
}

func (w *world) want(have, want string) {
	w.t.Helper()
	if have != want {
		w.t.Errorf("%q, want %q", have, want)
	}
}

var page, me = [2]string{":path", "/a"}, [2]string{"who", "me"}

func TestAllow(t *testing.T) {
	w := start(t, settings(nil))
	w.want(w.ask("set1 key1 ALLOW 3000", 200, "", page, me), "asked")
	w.want(w.ask("", 200, "", page, me), "hit allow")
	w.want(w.ask("", 200, "", page, [2]string{"who", "you"}), "asked")
	w.want(w.ask("", 200, "", page), "asked") // absent is not empty
	w.want(w.ask("", 200, "", page, [2]string{"who", ""}), "asked")
	w.h.Time = w.h.Time.Add(2999 * time.Millisecond)
	w.want(w.ask("", 200, "", page, me), "hit allow")
	w.h.Time = w.h.Time.Add(time.Millisecond)
	w.want(w.ask("set1 key1 ALLOW 999999", 200, "", page, me), "asked")
	w.h.Time = w.h.Time.Add(5 * time.Second) // the configuration's own bound
	w.want(w.ask("set1 key1 ALLOW 3000", 200, "", page, me), "asked")
	w.h.Time = w.h.Time.Add(-time.Second) // a clock that goes back
	w.want(w.ask("", 200, "", page, me), "asked")
}

// The authorization may speak of a token's time, and the answer come late.
func TestLateAnswersAreKeptForLess(t *testing.T) {
	w := start(t, settings(nil))
	s := w.h.NewStream(page, me)
	s.Properties["source.address"] = "10.0.0.1:1"
	w.f.OnRequest(s)
	s.Properties[answer] = "set1 key1 ALLOW 3000"
	w.h.Time = w.h.Time.Add(2 * time.Second)
	w.f.OnResponse(s)
	w.want(w.ask("", 200, "", page, me), "hit allow")
	w.h.Time = w.h.Time.Add(time.Second)
	w.want(w.ask("", 200, "", page, me), "asked")
}

func TestDeny(t *testing.T) {
	w := start(t, settings(nil))
	w.want(w.ask("set1 key1 DENY 3000 no entry", 401, "no entry", page, me), "asked")
	w.want(w.ask("", 200, "", page, me), "hit deny 401 no entry [[www-authenticate Bearer]]")
	w.h.Time = w.h.Time.Add(time.Second)
	w.want(w.ask("set1 key1 DENY 3000", 403, "", page, me), "asked")
	w.want(w.ask("", 200, "", page, me), "hit deny 403  [[www-authenticate Bearer]]")
	for name, again := range map[string]func(w *world) string{
		"a long body": func(w *world) string {
			return w.ask("set1 key1 DENY 3000 "+strings.Repeat("x", 5000), 403, strings.Repeat("x", 5000), page, me)
		},
		"a body that the mark lacks": func(w *world) string { return w.ask("set1 key1 DENY 3000", 403, "no", page, me) },
		"another body than the mark's": func(w *world) string {
			return w.ask("set1 key1 DENY 3000 no entry", 403, "no", page, me)
		},
		"a redirect": func(w *world) string { return w.ask("set1 key1 DENY 3000", 302, "", page, me) },
		"gRPC": func(w *world) string {
			return w.ask("set1 key1 DENY 3000", 403, "", page, me, [2]string{"content-type", "application/grpc+proto"})
		},
	} {
		w := start(t, settings(nil))
		if again(w); again(w) != "asked" {
			t.Errorf("%s was kept", name)
		}
	}
	w = start(t, settings(func(c *config.Config) { c.DenyMillis = 0 }))
	w.want(w.ask("set1 key1 DENY 3000", 403, "", page, me), "asked")
	w.want(w.ask("", 200, "", page, me), "asked")
}

// TestNothingForeignIsKept: an answer of other policies or for other inputs,
// and none at all.
func TestNothingForeignIsKept(t *testing.T) {
	for _, marked := range []string{"", "set2 key1 ALLOW 3000", "set1 key2 ALLOW 3000", "set1 key1 allow 3000", "set1 key1 ALLOW", "set1 key1 ALLOW -1",
		"set1 key1 ALLOW 0", "set1 key1 ALLOW 99999999999", "set1  key1 ALLOW 3000", "ALLOW", "set1 key1 ALLOW 3000 x"} {
		w := start(t, settings(nil))
		w.want(w.ask(marked, 200, "", page, me), "asked")
		if have := w.ask("", 200, "", page, me); have != "asked" {
			t.Errorf("%q was kept", marked)
		}
	}
	w := start(t, settings(nil))
	w.ask("set2 key1 ALLOW 3000", 200, "", page, me)
	if w.h.Counters["decisioncache.foreign"] != 1 || w.h.Counters["decisioncache.stored"] != 0 {
		t.Errorf("counted %v", w.h.Counters)
	}
}

// TestKeysNeverMeet: inputs that read alike when they are joined are apart.
func TestKeysNeverMeet(t *testing.T) {
	w := start(t, settings(func(c *config.Config) { c.Inputs = []config.Input{{Header: "a"}, {Header: "b"}} }))
	seen := map[string][2]string{}
	f := w.f.(*Filter)
	for _, a := range []string{"", "x", "x+", "x+\x00\x00\x00\x01y", "-", "xy"} {
		for _, b := range []string{"", "y", "-", "+\x00\x00\x00\x00"} {
			for _, drop := range []string{"", "a", "b"} {
				s := w.h.NewStream([2]string{"a", a}, [2]string{"b", b})
				s.RequestHeaders.Remove(drop)
				f.buildKey(s)
				here := [2]string{a, b}
				switch drop {
				case "a":
					here[0] = "(absent)"
				case "b":
					here[1] = "(absent)"
				}
				if other, twice := seen[string(f.key)]; twice && other != here {
					t.Errorf("%q and %q have one key", other, here)
				}
				seen[string(f.key)] = here
			}
		}
	}
}

func TestBounds(t *testing.T) {
	w := start(t, settings(func(c *config.Config) { c.MaxEntries, c.MaxBytes, c.MaxKey = 3, 1024, 300 }))
	for i := range 5 {
		w.ask("set1 key1 ALLOW 3000", 200, "", page, [2]string{"who", fmt.Sprint(i)})
	}
	for i, want := range []string{"asked", "asked", "hit allow", "hit allow", "hit allow"} {
		w.want(w.ask("", 200, "", page, [2]string{"who", fmt.Sprint(i)}), want)
	}
	for i := range 5 {
		w.ask("set1 key1 ALLOW 3000", 200, "", page, [2]string{"who", strings.Repeat("x", 200) + fmt.Sprint(i)})
	}
	f := w.f.(*Filter)
	if f.kept.bytes > 1024 || len(f.kept.entries) > 3 || f.kept.bytes < 0 {
		t.Errorf("%d bytes in %d entries", f.kept.bytes, len(f.kept.entries))
	}
	w.h.Time = w.h.Time.Add(4 * time.Second) // then what stands there longest grows
	w.ask("set1 key1 ALLOW 3000", 200, "", page, me)
	w.ask("set1 key1 ALLOW 3000", 200, "", page, [2]string{"who", strings.Repeat("x", 250)})
	w.h.Time = w.h.Time.Add(4 * time.Second)
	body := strings.Repeat("x", 550)
	w.ask("set1 key1 DENY 3000 "+body, 403, body, page, me)
	if f.kept.bytes > 1024 || f.kept.bytes < 0 {
		t.Errorf("%d bytes, after an entry grew", f.kept.bytes)
	}
	long := [2]string{"who", strings.Repeat("x", 400)}
	w.ask("set1 key1 ALLOW 3000", 200, "", page, long)
	w.want(w.ask("", 200, "", page, long), "asked")
	if w.h.Counters["decisioncache.key_too_long"] != 2 || w.h.Counters["decisioncache.evicted"] < 2 {
		t.Errorf("counted %v", w.h.Counters)
	}
}

func TestAHitAllocatesLittle(t *testing.T) {
	w := start(t, settings(nil))
	w.ask("set1 key1 ALLOW 3000", 200, "", page, me)
	f := w.f.(*Filter)
	s := w.h.NewStream(page, me)
	s.Properties["source.address"] = "10.0.0.1:1"
	if n := testing.AllocsPerRun(100, func() { f.kept.find(f.key, w.h.Clock()) }); n != 0 {
		t.Errorf("finding allocates %v times", n)
	}
}

// FuzzAnswer: whatever stands in the metadata, only what is exactly ours counts.
func FuzzAnswer(f *testing.F) {
	f.Add("set1 key1 ALLOW 3000")
	f.Fuzz(func(t *testing.T, text string) {
		filter, err := New(sdktest.NewHost(), []byte(settings(nil).JSON()))
		if err != nil {
			t.Fatal(err)
		}
		m, ok := filter.(*Filter).read(text)
		if ok && !strings.HasPrefix(text, "set1 key1 ") || ok && m.ttl < 0 {
			t.Fatalf("%q is %+v", text, m)
		}
	})
}
