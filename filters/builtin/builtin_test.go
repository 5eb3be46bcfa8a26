package main_test

import (
	"context"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/filters/builtin/dist"
	"github.com/krater-mesh/krater/filters/filtertest"
)

// module is loaded once: to compile it takes seconds.
var module *filtertest.Module

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	wasm, err := dist.Module()
	if err == nil {
		module, err = filtertest.Load(context.Background(), wasm)
	}
	if err != nil {
		os.Stderr.WriteString("filters/builtin: " + err.Error() + "\n")
		return 1
	}
	defer module.Close()
	return m.Run()
}

func configure(t *testing.T, root, config string) *filtertest.Plugin {
	t.Helper()
	p, err := module.Configure(root, config)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func send(t *testing.T, p *filtertest.Plugin, r filtertest.Request) filtertest.Result {
	t.Helper()
	res, err := p.Request(r)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestTheModuleIsSmall(t *testing.T) {
	wasm, _ := dist.Module()
	if len(wasm) > 3_000_000 {
		t.Errorf("the module has %d bytes: what did it begin to import? (a proxy compiles all of it)", len(wasm))
	}
}

func TestAttributes(t *testing.T) {
	p := configure(t, "attributes", `{"attributes":[
		{"name":"user","from":{"header":"end-user"},"toHeader":"x-user"},
		{"name":"session","from":{"cookie":"sid"}},
		{"name":"lang","from":{"query":"lang"}},
		{"name":"product","from":{"path":"/products/{}/**"}}]}`)
	res := send(t, p, filtertest.Request{
		Path:    "/products/7/reviews?lang=",
		Headers: [][2]string{{"end-user", "jason"}, {"cookie", "a=b; sid=42"}, {"x-user", "forged"}},
	})
	if want := map[string]string{"user": "jason", "session": "42", "product": "7"}; !reflect.DeepEqual(res.Properties, want) {
		t.Errorf("wrote %v, want %v", res.Properties, want)
	}
	if v, _ := res.Request.Get("x-user"); v != "jason" {
		t.Errorf("x-user is %q", v)
	}
	if v, _ := res.Response.Get(":status"); v != "200" || res.Reply != nil {
		t.Errorf("status %q, reply %v", v, res.Reply)
	}

	res = send(t, p, filtertest.Request{Headers: [][2]string{{"x-user", "forged"}}})
	if _, forged := res.Request.Get("x-user"); forged || len(res.Properties) > 0 {
		t.Errorf("without attributes: %v, %v", res.Request.All(), res.Properties)
	}
}

func TestDenier(t *testing.T) {
	p := configure(t, "denier", `{"rules":[{"name":"no-admin","match":{"pathPrefix":"/admin"},"status":418,"body":"no","headers":{"x-why":"admin"}}]}`)
	res := send(t, p, filtertest.Request{Path: "/admin"})
	if res.Reply == nil || res.Reply.Status != 418 || res.Reply.Body != "no" || res.Reply.Details != "denier/no-admin" {
		t.Fatalf("replied %+v", res.Reply)
	}
	if v, _ := res.Response.Get("x-why"); v != "admin" || res.Properties["krater.filter_decision"] != "denier/no-admin" {
		t.Errorf("x-why is %q, wrote %v", v, res.Properties)
	}
	if res := send(t, p, filtertest.Request{Path: "/"}); res.Reply != nil || res.Paused {
		t.Errorf("another path was answered %+v", res.Reply)
	}
}

func TestHeaders(t *testing.T) {
	p := configure(t, "headers", `{"request":{"remove":["gone"],"set":{"one":"1"},"add":{"many":"2"}},"response":{"set":{"empty":""}}}`)
	res := send(t, p, filtertest.Request{Headers: [][2]string{{"gone", "x"}, {"one", "x"}, {"many", "1"}}})
	want := [][2]string{{"one", "1"}, {"many", "1"}, {"many", "2"}}
	if have := res.Request.All()[4:]; !reflect.DeepEqual(have, want) {
		t.Errorf("request has %v, want %v", have, want)
	}
	if v, ok := res.Response.Get("empty"); v != "" || !ok {
		t.Errorf("empty is %q, %v", v, ok)
	}
}

// Bindings of several roots share one VM, and one that is refused leaves the
// others as they are.
func TestBindingsShareAModule(t *testing.T) {
	one := configure(t, "headers", `{"request":{"set":{"x":"1"}}}`)
	two := configure(t, "headers", `{"request":{"set":{"x":"2"}}}`)
	for root, want := range map[string]string{
		"headers": "request.sett: unknown field",
		"denier":  "request: unknown field",
		"wrong":   "no such root; the module has: accesslist attributes decisioncache denier headers",
		"":        "no such root",
	} {
		_, err := module.Configure(root, `{"request":{"sett":{}}}`)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("root %q says %v, want %s", root, err, want)
		}
	}
	for p, want := range map[*filtertest.Plugin]string{one: "1", two: "2"} {
		if v, _ := send(t, p, filtertest.Request{}).Request.Get("x"); v != want {
			t.Errorf("x is %q, want %q", v, want)
		}
	}
}
