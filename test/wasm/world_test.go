// Package wasm_test shows in a real Envoy what filters on our SDK can do. The
// module is filters/filtertest/testdata/capabilities, which that package's own
// tests run in wazero: what is said there of Envoy is held to Envoy here.
package wasm_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/test/harness"
)

type object = map[string]any

const typePrefix = "type.googleapis.com/envoy.extensions."

// roots are those of the module that get a listener each. To those with
// "+bodies" the proxy sends bodies though they paused at the headers.
var roots = []string{
	"chain", "fan", "bodies", "bodies+bodies", "chunks", "postpone", "postpone+bodies", "state", "queue", "tick", "route", "answer", "late", "reads",
}

// world is an Envoy with a listener for each root, one VM for all, and the
// services that they call.
type world struct {
	envoy *harness.Envoy
	ports map[string]int
}

func start(t *testing.T) *world {
	t.Helper()
	w := &world{ports: map[string]int{}}
	upstream := serve(t, http.HandlerFunc(echoUpstream))
	clusters := []any{
		cluster("upstream", upstream), cluster("elsewhere", serve(t, http.HandlerFunc(elsewhere))),
		cluster("http", serve(t, http.HandlerFunc(echoService))), grpcCluster("grpc", serveGRPC(t)),
		cluster("lines", serveLines(t)), object{"name": "empty", "type": "STATIC"},
	}
	file := filepath.Join(harness.Root(), ".build", "probe-capabilities.wasm")
	if _, err := os.Stat(file); err != nil {
		t.Fatalf("%v; run `make filters`", err)
	}
	var listeners []any
	for _, root := range roots {
		w.ports[root] = harness.FreePort(t)
		listeners = append(listeners, listener(w.ports[root], manager(root, plugin(root, file))))
	}
	w.ports["tcp"] = harness.FreePort(t)
	listeners = append(listeners, listener(w.ports["tcp"],
		object{"name": "tcp", "typed_config": object{"@type": typePrefix + "filters.network.wasm.v3.Wasm", "config": plugin("tcp", file)}},
		object{"name": "proxy", "typed_config": object{"@type": typePrefix + "filters.network.tcp_proxy.v3.TcpProxy", "stat_prefix": "tcp", "cluster": "lines"}},
	))
	admin := harness.FreePort(t)
	bootstrap, err := json.Marshal(object{
		"node":             object{"id": "wasm", "cluster": "wasm"},
		"admin":            object{"address": address("127.0.0.1", admin)},
		"static_resources": object{"listeners": listeners, "clusters": clusters},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.envoy = harness.StartEnvoyAs(t, nil, bootstrap, fmt.Sprintf("http://127.0.0.1:%d", admin))
	return w
}

func address(host string, port int) object {
	return object{"socket_address": object{"address": host, "port_value": port}}
}

func listener(port int, filters ...any) object {
	return object{"name": fmt.Sprint(port), "address": address("127.0.0.1", port), "filter_chains": []any{object{"filters": filters}}}
}

// manager is an HTTP connection manager with one Wasm filter.
func manager(name string, config object) object {
	return object{"name": "hcm", "typed_config": object{
		"@type":       typePrefix + "filters.network.http_connection_manager.v3.HttpConnectionManager",
		"stat_prefix": name, "route_config": routes(), "http_filters": []any{
			object{"name": name, "typed_config": object{"@type": typePrefix + "filters.http.wasm.v3.Wasm", "config": config}},
			object{"name": "router", "typed_config": object{"@type": typePrefix + "filters.http.router.v3.Router"}},
		},
	}}
}

func plugin(root, file string) object {
	id, bodies := strings.CutSuffix(root, "+bodies")
	return object{
		"name": root, "root_id": id, "vm_config": object{
			"vm_id": "capabilities", "runtime": "envoy.wasm.runtime.v8", "code": object{"local": object{"filename": file}},
		},
		"allow_on_headers_stop_iteration": bodies,
		"configuration":                   object{"@type": "type.googleapis.com/google.protobuf.StringValue", "value": `{"a":1}`},
	}
}

// routes lead to upstream, and to elsewhere where a filter chose it.
func routes() object {
	all := object{"prefix": "/"}
	chosen := object{"prefix": "/", "filter_state": []any{object{"key": "wasm.to", "string_match": object{"exact": "b"}}}}
	return object{"virtual_hosts": []any{object{"name": "all", "domains": []any{"*"}, "routes": []any{
		object{"match": chosen, "route": object{"cluster": "elsewhere"}},
		object{"match": all, "route": object{"cluster": "upstream"}},
	}}}}
}

func cluster(name string, at net.Addr) object {
	host, port, _ := strings.Cut(at.String(), ":")
	var number int
	_, _ = fmt.Sscan(port, &number)
	return object{"name": name, "type": "STATIC", "load_assignment": object{"cluster_name": name, "endpoints": []any{object{
		"lb_endpoints": []any{object{"endpoint": object{"address": address(host, number)}}}}}}}
}

func grpcCluster(name string, at net.Addr) object {
	c := cluster(name, at)
	c["typed_extension_protocol_options"] = object{"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": object{
		"@type": typePrefix + "upstreams.http.v3.HttpProtocolOptions", "explicit_http_config": object{"http2_protocol_options": object{}}}}
	return c
}

func serve(t *testing.T, h http.Handler) net.Addr {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.Listener.Addr()
}

// echoUpstream answers the headers that it got, and of the body the size and
// the ends.
func echoUpstream(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	ends := string(body)
	if len(body) > 20 {
		ends = ends[:10] + "..." + ends[len(body)-10:]
	}
	w.Header().Set("x-body", fmt.Sprint(len(body), " ", ends))
	for name, values := range r.Header {
		w.Header()["X-Got-"+name] = values
	}
	if r.URL.Path == "/missing" {
		w.WriteHeader(http.StatusNotFound)
	}
	_, _ = io.WriteString(w, "upstream")
}

func elsewhere(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "elsewhere") }

// pause gives calls time to overtake each other.
func pause() { time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond) }

// echoService answers in x-echo what it was told in x-text, as the test's
// service in wazero does. A text with "hslow" is never answered.
func echoService(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	text := r.Header.Get("x-text")
	if strings.Contains(text, "hslow") {
		<-r.Context().Done()
		return
	}
	pause()
	w.Header().Set("x-echo", text)
	_, _ = io.WriteString(w, "h"+string(body))
}

func serveGRPC(t *testing.T) net.Addr {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer(grpc.UnknownServiceHandler(say))
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	return l.Addr()
}

// say answers "g" and the text; it is told the text in metadata as well. A
// text with "gslow" is never answered, one with "gno" is refused.
func say(_ any, s grpc.ServerStream) error {
	var text wrapperspb.StringValue
	if err := s.RecvMsg(&text); err != nil {
		return err
	}
	method, _ := grpc.MethodFromServerStream(s)
	if md, _ := metadata.FromIncomingContext(s.Context()); method != "/test.Echo/Say" || len(md["x-text"]) == 1 && md["x-text"][0] != text.Value {
		return status.Errorf(codes.InvalidArgument, "%s with %v for %q", method, md["x-text"], text.Value)
	}
	switch {
	case strings.Contains(text.Value, "gslow"):
		<-s.Context().Done()
		return s.Context().Err()
	case strings.Contains(text.Value, "gno"):
		return status.Error(codes.PermissionDenied, "not "+text.Value)
	}
	pause()
	return s.SendMsg(wrapperspb.String("g" + text.Value))
}

// serveLines answers each line with itself.
func serveLines(t *testing.T) net.Addr {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); _, _ = io.Copy(c, c) }()
		}
	}()
	return l.Addr()
}
