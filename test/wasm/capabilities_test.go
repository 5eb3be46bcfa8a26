package wasm_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/test/harness"
)

func TestFiltersInARealEnvoy(t *testing.T) {
	w := start(t)
	for name, check := range map[string]func(*testing.T){
		"calls never cross": w.neverCross, "many calls at once": w.fan, "bodies and trailers": w.bodies, "parts": w.chunks,
		"postponed": w.postponed, "state": w.state, "queue": w.queue, "ticks": w.ticks, "route": w.route,
		"an answer that waits": w.answer, "mistakes": w.mistakes, "connections": w.connections,
		"headers": w.reads,
	} {
		t.Run(name, check)
	}
	for _, line := range strings.Split(w.envoy.Log.String(), "\n") {
		if strings.Contains(line, "came back") || strings.Contains(line, "panic") || strings.Contains(line, "][critical]") {
			t.Error(line)
		}
	}
	t.Run("a trap ends the VM", w.trap) // last: it takes the others' VM along
}

// send gives the answer to one request and its body.
func (w *world) send(t *testing.T, root, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, fmt.Sprintf("http://127.0.0.1:%d%s", w.ports[root], path), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := (&http.Client{Timeout: 20 * time.Second}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(b)
}

func (w *world) fan(t *testing.T) {
	res, _ := w.send(t, "fan", "GET", "/", "", "x-calls", "20")
	if have := res.Header.Get("x-got-x-sum"); have != "190" || w.envoy.Stat(t, "wasmcustom.fan_answered") != "20" {
		t.Errorf("the sum is %q of %s answers", have, w.envoy.Stat(t, "wasmcustom.fan_answered"))
	}
}

func (w *world) bodies(t *testing.T) {
	for _, root := range []string{"bodies", "bodies+bodies"} {
		w.bodiesOf(t, root)
	}
}

func (w *world) bodiesOf(t *testing.T, root string) {
	res, body := w.send(t, root, "POST", "/", strings.Repeat("ab", 50_000))
	if have, want := res.Header.Get("x-body"), "100009 <100000:ab...babababab>"; have != want {
		t.Errorf("upstream got %q, want %q", have, want)
	}
	if body != "UPSTREAM pst" {
		t.Errorf("the client got %q", body)
	}
	if res, body := w.send(t, root, "POST", "/", "my secret"); res.StatusCode != 403 || !strings.HasPrefix(body, "NO SECRETS") {
		t.Errorf("a secret got %d %q", res.StatusCode, body)
	}
}

func (w *world) chunks(t *testing.T) {
	res, _ := w.send(t, "chunks", "POST", "/", "whole")
	if have := res.Header.Get("x-body"); have != "9 whole|end" {
		t.Errorf("upstream got %q", have)
	}
}

// postponed: no request goes on before the tick, also if its body comes.
func (w *world) postponed(t *testing.T) {
	done := make(chan string)
	for i := range 20 {
		go func() {
			id := fmt.Sprint(i)
			root := []string{"postpone", "postpone+bodies"}[i%2]
			req, _ := http.NewRequest("POST", fmt.Sprintf("http://127.0.0.1:%d/", w.ports[root]), strings.NewReader("body"))
			req.Header.Set("x-id", id)
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				done <- err.Error()
				return
			}
			res.Body.Close()
			if have := res.Header.Get("x-got-x-postponed"); have != id || res.Header.Get("x-body") != "4 body" {
				done <- "request " + id + " was postponed as " + have + " with body " + res.Header.Get("x-body")
				return
			}
			done <- ""
		}()
	}
	for range 20 {
		if text := <-done; text != "" {
			t.Error(text)
		}
	}
}

func (w *world) state(t *testing.T) {
	var res *http.Response
	for range 3 {
		res, _ = w.send(t, "state", "GET", "/missing", "")
	}
	for name, want := range map[string]string{
		"x-state":         fmt.Sprintf("GET %d 3", w.ports["state"]),
		"x-got-x-foreign": "hello hello hello hello hello", "x-got-x-nothing": "calling nothing: not found",
	} {
		if have := res.Header.Get(name); have != want {
			t.Errorf("%s is %q, want %q", name, have, want)
		}
	}
	for name, want := range map[string]string{"wasmcustom.state_hits": "3", "wasmcustom.state_last": "16"} {
		if have := w.envoy.Stat(t, name); have != want {
			t.Errorf("%s is %s, want %s", name, have, want)
		}
	}
	w.says(t, "log of /missing 404")
}

func (w *world) says(t *testing.T, text string) {
	t.Helper()
	harness.Until(t, 5*time.Second, "the log to have "+text, func() error {
		if !strings.Contains(w.envoy.Log.String(), text) {
			return fmt.Errorf("it has not")
		}
		return nil
	})
}

func (w *world) queue(t *testing.T) {
	w.send(t, "queue", "GET", "/one", "")
	w.says(t, "queue has /one")
}

func (w *world) ticks(t *testing.T) {
	harness.Until(t, 10*time.Second, "the last tick's call", func() error {
		if res, _ := w.send(t, "tick", "GET", "/", ""); res.Header.Get("x-got-x-last") != "4" {
			return fmt.Errorf("it is %q", res.Header.Get("x-got-x-last"))
		}
		return nil
	})
	w.says(t, "grpc said g4")
}

func (w *world) route(t *testing.T) {
	for want, headers := range map[string][]string{
		"upstream": {"x-to", "a"}, "elsewhere": {"x-to", "b"}, "elsewhere ": {"x-to", "b", "x-late", "1"},
	} {
		if _, body := w.send(t, "route", "GET", "/", "", headers...); body != strings.TrimSpace(want) {
			t.Errorf("with %v answered %q", headers, body)
		}
	}
}

func (w *world) answer(t *testing.T) {
	if res, body := w.send(t, "answer", "GET", "/", ""); res.Header.Get("x-checked") != "200" || body != "upstream" {
		t.Errorf("checked %q, answered %q", res.Header.Get("x-checked"), body)
	}
	if res, body := w.send(t, "answer", "GET", "/missing", ""); res.StatusCode != 410 || body != "gone" {
		t.Errorf("answered %d %q", res.StatusCode, body)
	}
}

func (w *world) mistakes(t *testing.T) {
	for mistake, want := range map[string]string{
		"refused": "500 ", "stop": "500 ", "twice": "401 first",
		"cluster": "502 calling nowhere: bad argument; calling nowhere: ", "none": "200 upstream",
	} {
		res, body := w.send(t, "late", "GET", "/", "", "x-mistake", mistake)
		if have := fmt.Sprintf("%d %s", res.StatusCode, body); !strings.HasPrefix(have, want) {
			t.Errorf("%s got %q, want %q", mistake, have, want)
		}
	}
}

func (w *world) trap(t *testing.T) {
	if res, _ := w.send(t, "late", "GET", "/", "", "x-mistake", "trap"); res.StatusCode != 503 {
		t.Errorf("the request in whose callback it trapped got %d", res.StatusCode)
	}
	w.says(t, "on purpose")
	if res, _ := w.send(t, "state", "GET", "/", ""); res.StatusCode != 503 {
		t.Errorf("the next request got %d: a VM that trapped must not go on", res.StatusCode)
	}
}

func (w *world) connections(t *testing.T) {
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", w.ports["tcp"]))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(c)
	read := func() string {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return line
	}
	_, _ = io.WriteString(c, "he")
	time.Sleep(50 * time.Millisecond) // so that it comes in two parts
	_, _ = io.WriteString(c, "llo\n")
	if have := read(); have != "> HELLO\n" {
		t.Errorf("read %q", have)
	}
	_, _ = io.WriteString(c, "ask\n")
	if have := read() + read(); have != "> ASK\ntcp\n" {
		t.Errorf("read %q", have)
	}
	_, _ = io.WriteString(c, "quit\n")
	if rest, err := io.ReadAll(lines); err != nil || len(rest) > 0 {
		t.Errorf("after quit: %q, %v", rest, err)
	}
	w.says(t, "closed mine")
	harness.Until(t, 5*time.Second, "the connection to end", func() error {
		if v := w.envoy.Stat(t, "wasmcustom.tcp_open"); v != "0" {
			return fmt.Errorf("%s are open", v)
		}
		return nil
	})
}

// reads: all values of a header are seen, as Envoy's own policies see them.
func (w *world) reads(t *testing.T) {
	at := fmt.Sprintf("127.0.0.1:%d", w.ports["reads"])
	want := ":path=/;:authority=" + at + ";host=" + at + ";Host=" + at + ";x-twice=1,;X-Twice=1,;x-empty=;x-absent=(none);x-one=1;" +
		"cookie=a=b; c=d;user-agent=me;x-one=changed;x-twice=1,,third;x-empty=(none);:authority=other.test;x-absent=(none);"
	for range 3 {
		req, _ := http.NewRequest("GET", "http://"+at+"/", nil)
		req.Header = http.Header{"X-Twice": {"1", ""}, "X-One": {"1"}, "X-Empty": {""}, "Cookie": {"a=b", "c=d"}, "User-Agent": {"me"}}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if have := res.Header.Get("x-got-x-read"); have != want {
			t.Errorf("it reads\n%s, want\n%s", have, want)
		}
		if again := res.Header.Get("x-answer-again"); again != "200" {
			t.Errorf("of the answer it reads %q", again)
		}
	}
}
