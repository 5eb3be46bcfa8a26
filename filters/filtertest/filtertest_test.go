package filtertest_test

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/filters/filtertest"
	"github.com/krater-mesh/krater/filters/sdk"
)

// load gives a configured probe: testdata/NAME, built.
func load(t testing.TB, name string) (*filtertest.Module, *filtertest.Plugin) {
	t.Helper()
	wasm, err := os.ReadFile(filepath.Join("..", "..", ".build", "probe-"+name+".wasm"))
	if err != nil {
		t.Fatalf("%v; run `make filters`", err)
	}
	m, err := filtertest.Load(context.Background(), wasm)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	p, err := m.Configure("probe", "{}")
	if err != nil {
		t.Fatal(err)
	}
	return m, p
}

func send(t testing.TB, p *filtertest.Plugin, r filtertest.Request) filtertest.Result {
	t.Helper()
	res, err := p.Request(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range res.Log {
		if strings.HasPrefix(line.Text, "failed: ") {
			t.Errorf("%s: the probe says %s", r.Path, line.Text)
		}
	}
	return res
}

func TestHostCalls(t *testing.T) {
	m, p := load(t, "raw")

	res := send(t, p, filtertest.Request{Path: "/pairs"})
	if have := res.Request.All()[4:]; !reflect.DeepEqual(have, [][2]string{{"empty", ""}, {"x", "y"}}) {
		t.Errorf("pairs gave %v", have)
	}
	send(t, p, filtertest.Request{Path: "/shared"})
	send(t, p, filtertest.Request{Path: "/call"})
	send(t, p, filtertest.Request{Path: "/metric"})
	send(t, p, filtertest.Request{Path: "/metric"})
	if v, ok := m.Metric("hits"); v != 4 || !ok {
		t.Errorf("hits is %d, %v", v, ok)
	}
	res = send(t, p, filtertest.Request{Path: "/property", Properties: map[string]string{"source.address": "127.0.0.6:1"}})
	if want := []filtertest.Line{{Level: sdk.Warn, Text: "from 127.0.0.6:1"}}; !reflect.DeepEqual(res.Log, want) {
		t.Errorf("log is %v, want %v", res.Log, want)
	}
	res = send(t, p, filtertest.Request{Path: "/print"})
	if want := []filtertest.Line{{Level: sdk.Info, Text: "printed"}}; !reflect.DeepEqual(res.Log, want) {
		t.Errorf("log is %v, want %v", res.Log, want)
	}
	res = send(t, p, filtertest.Request{Body: "in", ResponseBody: "out"})
	if res.Body != "<in>!" || res.ResponseBody != "> out" {
		t.Errorf("bodies are %q and %q", res.Body, res.ResponseBody)
	}
	res = send(t, p, filtertest.Request{Path: "/pause"})
	if !res.Paused || res.Response != nil {
		t.Errorf("a paused request: %+v", res)
	}
}

func TestATrapIsAnError(t *testing.T) {
	_, p := load(t, "raw")
	_, err := p.Request(filtertest.Request{Path: "/panic"})
	if err == nil || !strings.Contains(err.Error(), "proxy_on_request_headers") || !strings.Contains(err.Error(), "on purpose") {
		t.Errorf("says %v", err)
	}
}

func TestTheLifeOfAStream(t *testing.T) {
	_, p := load(t, "guest")

	res := send(t, p, filtertest.Request{Path: "/", Status: 404})
	if _, ok := res.Response.Get("x-request-readable"); ok {
		t.Error("OnResponse could read the request's headers; in Envoy it cannot")
	}
	last := res.Log[len(res.Log)-2:]
	if last[0].Text != "log / 404" || last[1].Text != "done" {
		t.Errorf("OnLog and OnDone said %v", last)
	}
	res = send(t, p, filtertest.Request{Path: "/reply"})
	if want := (&sdk.Reply{Status: 403, Headers: [][2]string{{"x-empty", ""}}, Details: "probe"}); !reflect.DeepEqual(res.Reply, want) {
		t.Errorf("replied %+v", res.Reply)
	}
	if v, _ := res.Response.Get("x-saw-own-reply"); v != "yes" {
		t.Error("OnResponse did not see the filter's own reply; in Envoy it does")
	}
	res = send(t, p, filtertest.Request{Path: "/early"})
	if res.Reply == nil || res.Reply.Status != 500 || res.Reply.Details != "filter_change_refused" {
		t.Errorf("a refused change gave %+v", res.Reply)
	}
	res = send(t, p, filtertest.Request{Path: "/all", Headers: [][2]string{{"a", "1"}}})
	if res.Properties["seen.a"] != "1" || res.Properties["seen.:method"] != "GET" {
		t.Errorf("All gave %v", res.Properties)
	}
}

func TestLoadRefuses(t *testing.T) {
	// A module of a type () -> () and an import env.nothing of it.
	stranger := "\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00\x02\x0f\x01\x03env\x07nothing\x00\x00"
	for wasm, want := range map[string]string{
		"":                        "compiling the module",
		"not wasm at all":         "compiling the module",
		stranger:                  `"nothing" is not exported in module "env"`,
		"\x00asm\x01\x00\x00\x00": "proxy_abi_version_0_2_1",
	} {
		if m, err := filtertest.Load(context.Background(), []byte(wasm)); err == nil || !strings.Contains(err.Error(), want) || m != nil {
			t.Errorf("%q says %v, want %s", wasm, err, want)
		}
	}
}

// TestAModuleThatLacksACallback: a filter that would never be called is not
// taken on, and its author is told what to do.
func TestAModuleThatLacksACallback(t *testing.T) {
	m, p := load(t, "guest")
	const imports = ", so the module's main must import github.com/krater-mesh/krater/filters/sdk/guest/"
	for config, want := range map[string]string{
		"body": "filter probe refused: it has OnRequestBody" + imports + "requestbody",
		"tick": "filter probe refused: it asks for ticks" + imports + "timers",
		"call": "filter probe refused: it calls other services" + imports + "calls",
	} {
		if _, err := m.Configure("probe", config); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s says %v, want %s", config, err, want)
		}
	}
	if res := send(t, p, filtertest.Request{Path: "/call"}); res.Reply == nil || res.Reply.Body != "it calls other services"+imports+"calls" {
		t.Errorf("a call got %+v", res.Reply)
	}
}
