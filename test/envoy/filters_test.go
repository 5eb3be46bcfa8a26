package envoy_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	alsdata "github.com/envoyproxy/go-control-plane/envoy/data/accesslog/v3"
	als "github.com/envoyproxy/go-control-plane/envoy/service/accesslog/v3"
	"google.golang.org/grpc"

	"github.com/krater-mesh/krater/filters/builtin/dist"
	"github.com/krater-mesh/krater/test/harness"
)

// wasmFilter is one Wasm filter of a test's chain.
type wasmFilter struct{ root, config string }

// filterProxy is an Envoy with Wasm filters in one filter_chain, an upstream
// that keeps the last request, and an access log over gRPC.
type filterProxy struct {
	url      string
	envoy    *harness.Envoy
	upstream chan http.Header
	entries  chan *alsdata.HTTPAccessLogEntry
}

func startFilterProxy(t *testing.T, wasm string, filters ...wasmFilter) *filterProxy {
	t.Helper()
	p := &filterProxy{upstream: make(chan http.Header, 10), entries: make(chan *alsdata.HTTPAccessLogEntry, 10)}
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.upstream <- r.Header
		w.Header().Set("x-upstream", "yes")
	}))
	t.Cleanup(upstream.Close)
	log, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	als.RegisterAccessLogServiceServer(server, logEntries(p.entries))
	go func() { _ = server.Serve(log) }()
	t.Cleanup(server.Stop)

	port, admin := harness.FreePort(t), harness.FreePort(t)
	p.url = fmt.Sprintf("http://127.0.0.1:%d", port)
	bootstrap := filterBootstrap(port, admin, wasm, filters, upstream.Listener.Addr(), log.Addr())
	p.envoy = harness.StartEnvoy(t, bootstrap, admin)
	return p
}

// logEntries is an access log service that hands on what it gets.
type logEntries chan *alsdata.HTTPAccessLogEntry

func (c logEntries) StreamAccessLogs(s als.AccessLogService_StreamAccessLogsServer) error {
	for {
		m, err := s.Recv()
		if err != nil {
			return err
		}
		for _, e := range m.GetHttpLogs().GetLogEntry() {
			c <- e
		}
	}
}

// send sends one request, and gives the answer and its log entry.
func (p *filterProxy) send(t *testing.T, path string, headers ...string) (*http.Response, string, *alsdata.HTTPAccessLogEntry) {
	t.Helper()
	req, err := http.NewRequest("GET", p.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case e := <-p.entries:
		return res, string(body), e
	case <-time.After(10 * time.Second):
		t.Fatal("no log entry came")
		return nil, "", nil
	}
}

func TestFiltersInARealEnvoy(t *testing.T) {
	p := startFilterProxy(t, builtinFile(t),
		wasmFilter{"attributes", `{"attributes":[{"name":"user","from":{"header":"end-user"},"toHeader":"x-user"},` +
			`{"name":"lang","from":{"query":"lang"},"toHeader":"x-lang"},{"name":"product","from":{"path":"/products/{}/**"}},` +
			`{"name":"session","from":{"cookie":"sid"}}]}`},
		wasmFilter{"denier", `{"rules":[{"name":"no-admin","match":{"pathPrefix":"/admin"},"status":418,"body":"no","headers":{"x-why":"admin"}}]}`},
		wasmFilter{"headers", `{"request":{"set":{"x-set":"1"},"add":{"x-many":"2"},"remove":["x-gone"]},` +
			`"response":{"set":{"x-answer":"krater"},"remove":["x-upstream"]}}`},
	)

	t.Run("attributes and headers", func(t *testing.T) {
		res, _, entry := p.send(t, "/products/7/reviews?lang=a%0d%0ax-evil:1", "end-user", "jason", "cookie", "sid=42",
			"x-user", "forged", "x-gone", "x", "x-many", "1")
		got := <-p.upstream
		for name, want := range map[string]string{"x-user": "jason", "x-lang": "a%0d%0ax-evil:1", "x-set": "1", "x-many": "1,2", "x-gone": ""} {
			if have := strings.Join(got.Values(name), ","); have != want {
				t.Errorf("upstream got %s %q, want %q", name, have, want)
			}
		}
		if res.StatusCode != 200 || res.Header.Get("x-answer") != "krater" || res.Header.Values("x-upstream") != nil {
			t.Errorf("answered %d %v", res.StatusCode, res.Header)
		}
		checkWasmTags(t, entry, map[string]string{"user": "jason", "product": "7", "session": "42", "lang": "a%0d%0ax-evil:1"})
	})

	t.Run("absent attributes", func(t *testing.T) {
		_, _, entry := p.send(t, "/", "x-user", "forged", "x-lang", "forged")
		if got := <-p.upstream; got.Values("x-user") != nil || got.Values("x-lang") != nil {
			t.Errorf("forged headers went upstream: %v", got)
		}
		checkWasmTags(t, entry, nil)
	})

	t.Run("an empty attribute is none", func(t *testing.T) {
		_, _, entry := p.send(t, "/?lang=", "x-lang", "forged")
		if got := <-p.upstream; len(got.Values("x-lang")) != 0 {
			t.Errorf("x-lang is %q", got.Values("x-lang"))
		}
		checkWasmTags(t, entry, nil)
	})

	t.Run("many requests", func(t *testing.T) {
		for i := range 300 {
			user := fmt.Sprint("user", i)
			_, _, entry := p.send(t, "/products/"+user, "end-user", user)
			if got := <-p.upstream; got.Get("x-user") != user {
				t.Fatalf("request %d: x-user is %q", i, got.Get("x-user"))
			}
			checkWasmTags(t, entry, map[string]string{"user": user, "product": user})
		}
	})

	t.Run("denied", func(t *testing.T) {
		res, body, entry := p.send(t, "/admin/x", "end-user", "jason")
		if res.StatusCode != 418 || body != "no" || res.Header.Get("x-why") != "admin" {
			t.Errorf("answered %d %q %v", res.StatusCode, body, res.Header)
		}
		if have := entry.GetResponse().GetResponseCodeDetails(); have != "denier/no-admin" {
			t.Errorf("response code details are %q", have)
		}
		checkWasmTags(t, entry, map[string]string{"user": "jason", "krater.filter_decision": "denier/no-admin"})
	})
}

func checkWasmTags(t *testing.T, entry *alsdata.HTTPAccessLogEntry, want map[string]string) {
	t.Helper()
	have := entry.GetCommonProperties().GetCustomTags()
	if len(have) != len(want) {
		t.Errorf("log has tags %v, want %v", have, want)
	}
	for name, value := range want {
		if have[name] != value {
			t.Errorf("log has %s %q, want %q", name, have[name], value)
		}
	}
}

func TestEnvoyRefusesABadFilterConfig(t *testing.T) {
	nobody := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}
	good := wasmFilter{"headers", `{}`}
	for want, bad := range map[string]wasmFilter{
		"filter attributes refused: attributes[0].form: unknown field":       {"attributes", `{"attributes":[{"name":"a","form":{}}]}`},
		"filter denier refused: rules[0].status: is a string, want a number": {"denier", `{"rules":[{"name":"a","status":"x"}]}`},
		"filter other refused: no such root; the module has: accesslist":     {"other", `{}`},
		"filter headers refused: the configuration is not JSON: at byte 0":   {"headers", `x`},
	} {
		bootstrap := filterBootstrap(1, 2, builtinFile(t), []wasmFilter{good, bad}, nobody, nobody)
		if err := harness.ValidateEnvoy(t, bootstrap); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s %s: says %v\nwant %s", bad.root, bad.config, err, want)
		}
	}
}

// What a filter can do when: filtertest's own test asks its scripted host the
// same of the same module.
func TestTheLifeOfAFiltersStreamInARealEnvoy(t *testing.T) {
	p := startFilterProxy(t, builtWasm(t, "probe-guest"), wasmFilter{"probe", `{}`})

	res, _, _ := p.send(t, "/")
	if res.Header.Get("x-request-readable") != "" {
		t.Error("OnResponse could read the request's headers")
	}
	harness.Until(t, 5*time.Second, "OnLog to read request and answer", func() error {
		if !strings.Contains(p.envoy.Log.String(), "log / 200") {
			return errors.New("it did not")
		}
		return nil
	})
	res, _, entry := p.send(t, "/reply")
	if have := entry.GetResponse().GetResponseCodeDetails(); res.StatusCode != 403 || have != "probe" || len(res.Header.Values("x-empty")) != 1 {
		t.Errorf("replied %d %q %v", res.StatusCode, have, res.Header)
	}
	if res.Header.Get("x-saw-own-reply") != "yes" {
		t.Error("OnResponse did not see the filter's own reply")
	}
	res, _, entry = p.send(t, "/early")
	if have := entry.GetResponse().GetResponseCodeDetails(); res.StatusCode != 500 || have != "filter_change_refused" {
		t.Errorf("a refused change gave %d %q", res.StatusCode, have)
	}
}

func TestTheGreetingSampleInARealEnvoy(t *testing.T) {
	p := startFilterProxy(t, builtWasm(t, "greeting"), wasmFilter{"any", `{"text":"good morning"}`})
	res, _, _ := p.send(t, "/", "end-user", "jason")
	if have := res.Header.Get("x-greeting"); have != "good morning, jason" {
		t.Errorf("greeted %q", have)
	}
}

// builtWasm finds a module that the Makefile built.
func builtWasm(t *testing.T, name string) string {
	t.Helper()
	file := filepath.Join(harness.Root(), ".build", name+".wasm")
	if _, err := os.Stat(file); err != nil {
		t.Fatalf("%v; run `make filters`", err)
	}
	return file
}

// builtinFile writes the built-in filters' module to a file.
func builtinFile(t *testing.T) string {
	t.Helper()
	wasm, err := dist.Module()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "builtin.wasm")
	if err := os.WriteFile(file, wasm, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func filterBootstrap(port, admin int, wasm string, filters []wasmFilter, upstream, log net.Addr) []byte {
	chain := ""
	for _, f := range filters {
		chain += fmt.Sprintf(`
                - name: %[1]s
                  typed_config:
                    "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
                    config:
                      name: %[1]s
                      root_id: %[1]s
                      failure_policy: FAIL_CLOSED
                      vm_config:
                        vm_id: test
                        runtime: envoy.wasm.runtime.v8
                        environment_variables: {key_values: {GOGC: "1"}} # collect garbage all the time: stress
                        code: {local: {filename: %[2]q}}
                      configuration: {"@type": type.googleapis.com/google.protobuf.StringValue, value: %[3]q}`, f.root, wasm, f.config)
	}
	tags := ""
	for _, name := range []string{"user", "lang", "product", "session", "krater.filter_decision"} {
		tags += fmt.Sprintf("\n                - {tag: %[1]s, value: \"%%FILTER_STATE(wasm.%[1]s:PLAIN)%%\"}", name)
	}
	return fmt.Appendf(nil, `admin: {address: {socket_address: {address: 127.0.0.1, port_value: %d}}}
static_resources:
  listeners:
  - name: l
    address: {socket_address: {address: 127.0.0.1, port_value: %d}}
    filter_chains:
    - filters:
      - name: hcm
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: test
          access_log:
          - name: als
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig
              common_config:
                log_name: requests
                transport_api_version: V3
                buffer_flush_interval: 0.01s
                grpc_service: {envoy_grpc: {cluster_name: als}}
                custom_tags:%s
          http_filters:
          - name: chain
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.filter_chain.v3.FilterChainConfig
              default_filter_chain:
                filters:%s
          - name: router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
          route_config:
            virtual_hosts:
            - {name: all, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: upstream}}]}
  clusters:
  - name: upstream
    load_assignment: {cluster_name: upstream, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: %s}}}]}]}
  - name: als
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {http2_protocol_options: {}}
    load_assignment: {cluster_name: als, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: %s}}}]}]}
`, admin, port, tags, chain, wasmAddress(upstream), wasmAddress(log))
}

func wasmAddress(a net.Addr) string {
	tcp := a.(*net.TCPAddr)
	return fmt.Sprintf("{address: %s, port_value: %d}", tcp.IP, tcp.Port)
}
