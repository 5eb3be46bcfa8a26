package filtertest_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/filters/filtertest"
	"github.com/krater-mesh/krater/filters/sdk"
)

// capable gives one root of the probe "capabilities", with the services that
// its roots ask.
func capable(t testing.TB, root, config string, env ...string) (*filtertest.Module, *filtertest.Plugin) {
	t.Helper()
	wasm, err := os.ReadFile(filepath.Join("..", "..", ".build", "probe-capabilities.wasm"))
	if err != nil {
		t.Fatalf("%v; run `make filters`", err)
	}
	m, err := filtertest.Load(context.Background(), wasm, env...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	m.Services["http"] = echo
	m.GRPCServices["grpc"] = say
	p, err := m.Configure(root, config)
	if err != nil {
		t.Fatal(err)
	}
	return m, p
}

// echo answers in x-echo what it was told in x-text, and the body.
func echo(c sdk.HTTPCall) sdk.HTTPAnswer {
	text, _ := sdk.NewHeaderList(c.Headers...).Get("x-text")
	return sdk.HTTPAnswer{Status: 200, Headers: sdk.NewHeaderList([2]string{"x-echo", text}), Body: sdk.NewBuffer("h" + string(c.Body))}
}

// say answers a StringValue of a text of the same length, in brackets.
func say(c sdk.GRPCCall) sdk.GRPCAnswer {
	if c.Service != "test.Echo" || c.Method != "Say" {
		return sdk.GRPCAnswer{Status: 12, Text: "no such method"}
	}
	text, _ := sdk.NewHeaderList(c.Metadata...).Get("x-text")
	return sdk.GRPCAnswer{Message: message("g" + text)}
}

func message(text string) []byte { return append([]byte{1<<3 | 2, byte(len(text))}, text...) }

func TestBodiesAndTrailers(t *testing.T) {
	_, p := capable(t, "bodies", "")
	res := send(t, p, filtertest.Request{
		Method: "POST", Headers: [][2]string{{"content-length", "6"}}, Parts: []string{"ab", "cd", "ef"}, Trailers: [][2]string{{"x-end", "1"}},
		ResponseParts: []string{"up", "stream"}, ResponseTrailers: [][2]string{{"a", "b"}, {"c", "d"}},
	})
	if res.Body != "<6:abcdef>" || res.ResponseBody != "UPSTREAM pst" {
		t.Errorf("bodies are %q and %q", res.Body, res.ResponseBody)
	}
	if v, _ := res.RequestTrailers.Get("x-saw"); v != "1" {
		t.Errorf("request trailers are %v", res.RequestTrailers.All())
	}
	if v, _ := res.ResponseTrailers.Get("x-saw"); v != "2" {
		t.Errorf("response trailers are %v", res.ResponseTrailers.All())
	}
	res = send(t, p, filtertest.Request{Method: "POST", Parts: []string{"ab", "cd", "ef"}, ResponseParts: []string{"up", "stream"}})
	if _, there := res.Request.Get("content-length"); there || res.Body != "<6:abcdef>" || res.ResponseBody != "UPSTREAM pst" {
		t.Errorf("bodies are %q and %q", res.Body, res.ResponseBody)
	}
	res = send(t, p, filtertest.Request{Method: "POST", Parts: []string{"sec", "ret"}})
	if res.Reply == nil || res.Reply.Status != 403 {
		t.Errorf("a secret got %+v", res.Reply)
	}
}

func TestPartsPassOneByOne(t *testing.T) {
	_, p := capable(t, "chunks", "")
	if res := send(t, p, filtertest.Request{Method: "POST", Parts: []string{"ab", "cd", ""}}); res.Body != "ab|cd|end" {
		t.Errorf("the body is %q", res.Body)
	}
}

func TestPostponedRequestsGoOnAtATick(t *testing.T) {
	_, p := capable(t, "postpone", "")
	if p.Period() != 20*time.Millisecond {
		t.Errorf("ticks come every %s", p.Period())
	}
	var open []*filtertest.Stream
	for _, id := range []string{"1", "2", "3"} {
		s, err := p.Open(filtertest.Request{Headers: [][2]string{{"x-id", id}}})
		if err != nil || !s.Paused() {
			t.Fatalf("not paused, %v", err)
		}
		open = append(open, s)
	}
	if _, err := open[1].Close(); err != nil { // its client went away
		t.Fatal(err)
	}
	if err := p.Tick(); err != nil {
		t.Fatal(err)
	}
	for i, want := range map[int]string{0: "1", 2: "3"} {
		res, err := open[i].Close()
		if v, _ := res.Request.Get("x-postponed"); v != want || res.Paused || err != nil {
			t.Errorf("stream %d has %q, paused %v, %v", i, v, res.Paused, err)
		}
	}
}

func TestStateWithoutCalls(t *testing.T) {
	m, p := capable(t, "state", `{"a":1}`)
	if log := m.Log(); len(log) != 1 || log[0].Text != `configured with {"a":1}` {
		t.Errorf("at start it says %v", log)
	}
	m.Functions["compress"] = func(b []byte) ([]byte, error) { return b[:5], nil }
	m.Functions["uncompress"] = func(b []byte) ([]byte, error) { return nil, errors.New("no") }
	m.Clock = func() time.Time { return time.Unix(1700000000, 0) }
	var res filtertest.Result
	for range 3 {
		res = send(t, p, filtertest.Request{Path: "/x", Status: 404, Properties: map[string]string{
			"request.method": "GET", "destination.port": "\x50\x00\x00\x00\x00\x00\x00\x00",
		}})
	}
	if v, _ := res.Response.Get("x-state"); v != "GET 80 3" {
		t.Errorf("the state is %q", v)
	}
	for name, want := range map[string]string{
		"x-now": "1700000000", "x-foreign": "calling uncompress: internal failure", "x-nothing": "calling nothing: not found",
	} {
		if v, _ := res.Request.Get(name); v != want {
			t.Errorf("%s is %q, want %q", name, v, want)
		}
	}
	for name, want := range map[string]uint64{"state_hits": 3, "state_sizes": 3, "state_last": 16} {
		if v, _ := m.Metric(name); v != want {
			t.Errorf("%s is %d, want %d", name, v, want)
		}
	}
	if len(res.Log) != 1 || res.Log[0].Text != "log of /x 404" {
		t.Errorf("the log is %v", res.Log)
	}
}

func TestQueue(t *testing.T) {
	m, p := capable(t, "queue", "")
	res := send(t, p, filtertest.Request{Path: "/one"})
	if v, _ := m.Metric("queue_seen"); v != 1 || len(res.Log) != 1 || res.Log[0].Text != "queue has /one" {
		t.Errorf("%d items, %v", v, res.Log)
	}
}

func TestTicksCallOut(t *testing.T) {
	m, p := capable(t, "tick", "")
	for range 4 {
		if err := p.Tick(); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Deliver(); err != nil {
			t.Fatal(err)
		}
	}
	if p.Period() != 0 {
		t.Errorf("ticks go on every %s", p.Period())
	}
	if v, _ := send(t, p, filtertest.Request{}).Request.Get("x-last"); v != "4" {
		t.Errorf("the last call said %q", v)
	}
}

func TestTheRouteIsClearedInAnyCallback(t *testing.T) {
	_, p := capable(t, "route", "")
	for _, headers := range [][][2]string{{{"x-to", "b"}}, {{"x-to", "b"}, {"x-late", "1"}}} {
		if res := send(t, p, filtertest.Request{Headers: headers}); !res.RouteCleared || res.Paused || res.Reply != nil {
			t.Errorf("with %v: cleared %v, %+v", headers, res.RouteCleared, res.Reply)
		}
	}
}

func TestAnAnswerWaitsForACall(t *testing.T) {
	_, p := capable(t, "answer", "")
	if v, _ := send(t, p, filtertest.Request{Status: 202}).Response.Get("x-checked"); v != "202" {
		t.Errorf("checked %q", v)
	}
	res := send(t, p, filtertest.Request{Status: 404, ResponseBody: "lost"})
	if v, _ := res.Response.Get(":status"); v != "410" || res.ResponseBody != "gone" {
		t.Errorf("answered %q %q", v, res.ResponseBody)
	}
}

func TestMistakesInCallbacks(t *testing.T) {
	_, p := capable(t, "late", "")
	for mistake, want := range map[string]sdk.Reply{
		"refused": {Status: 500, Details: "filter_change_refused"},
		"stop":    {Status: 500, Details: "filter_change_refused"},
		"twice":   {Status: 401, Body: "first"},
		"cluster": {Status: 502, Body: "calling nowhere: bad argument; calling nowhere: internal failure"},
	} {
		res := send(t, p, filtertest.Request{Headers: [][2]string{{"x-mistake", mistake}}})
		if res.Reply == nil || res.Reply.Status != want.Status || res.Reply.Body != want.Body || res.Reply.Details != want.Details {
			t.Errorf("%s: replied %+v, want %+v; %v", mistake, res.Reply, want, res.Log)
		}
	}
	_, err := p.Request(filtertest.Request{Headers: [][2]string{{"x-mistake", "trap"}}})
	if err == nil || !strings.Contains(err.Error(), "on purpose") {
		t.Errorf("a trap in a callback says %v", err)
	}
}

func TestConnections(t *testing.T) {
	m, p := capable(t, "tcp", "")
	c, err := p.Connect(nil)
	if err != nil {
		t.Fatal(err)
	}
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	do(c.FromClient("he", false))
	if c.ToUpstream != "" {
		t.Errorf("half a line went on: %q", c.ToUpstream)
	}
	do(c.FromClient("llo\n", false))
	do(c.FromUpstream("you too\n", false))
	do(c.FromClient("ask\n", false))
	if c.ToUpstream != "HELLO\n" || c.ToClient != "> you too\n" {
		t.Errorf("upstream got %q, the client %q", c.ToUpstream, c.ToClient)
	}
	if _, err := m.Deliver(); err != nil || c.ToUpstream != "HELLO\nASK\ntcp\n" {
		t.Errorf("upstream got %q, %v", c.ToUpstream, err)
	}
	do(c.FromClient("quit\n", false))
	if v, _ := m.Metric("tcp_open"); !c.Closed || v != 0 {
		t.Errorf("closed %v, %d open", c.Closed, v)
	}
}

// TestBodiesDoNotLetGo: where bodies come though a filter paused at the
// headers, none of their parts lets the request go.
func TestBodiesDoNotLetGo(t *testing.T) {
	_, p := capable(t, "postpone", "")
	p.BodiesCome = true
	s, err := p.Open(filtertest.Request{Method: "POST", Headers: [][2]string{{"x-id", "1"}}, Parts: []string{"a", "b"}, Trailers: [][2]string{{"c", "d"}}})
	if err != nil || !s.Paused() {
		t.Fatalf("paused %v, %v", s.Paused(), err)
	}
	if err := p.Tick(); err != nil {
		t.Fatal(err)
	}
	res, err := s.Close()
	if v, _ := res.Request.Get("x-postponed"); v != "1" || res.Body != "ab" || err != nil {
		t.Errorf("postponed as %q with %q, %v", v, res.Body, err)
	}
}

// TestHeaders: of a header that comes several times all values are seen, by
// any spelling of its name, before and behind changes.
func TestHeaders(t *testing.T) {
	_, p := capable(t, "reads", "")
	for i := range 5 {
		path := "/" + strings.Repeat("x", i*300) // other sizes, in the same memory
		res := send(t, p, filtertest.Request{Path: path, Headers: [][2]string{
			{"x-twice", "1"}, {"x-one", "1"}, {"x-twice", ""}, {"x-empty", ""}, {"cookie", "a=b"}, {"cookie", "c=d"},
		}})
		want := ":path=" + path + ";:authority=example.test;host=example.test;Host=example.test;x-twice=1,;X-Twice=1,;x-empty=;x-absent=(none);x-one=1;" +
			"cookie=a=b; c=d;user-agent=(none);x-one=changed;x-twice=1,,third;x-empty=(none);:authority=example.test;x-absent=(none);"
		if have, _ := res.Request.Get("x-read"); have != want {
			t.Errorf("it reads\n%s, want\n%s", have, want)
		}
		if v, _ := res.Response.Get("x-answer-again"); v != "200 " {
			t.Errorf("of the answer it reads %q", v)
		}
	}
}
