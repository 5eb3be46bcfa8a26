package envoy_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/common/set_filter_state/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/filter_chain/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"sigs.k8s.io/yaml"

	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/xds/serve"
)

const serveNode = "default/probe"

// servePlane is a control plane for one Envoy: an ADS server on a socket, and
// what it saw.
type servePlane struct {
	t      *testing.T
	socket string
	server *serve.Server
	rpc    *grpc.Server

	mu     sync.Mutex
	events []serve.Event
}

func newServePlane(t *testing.T) *servePlane {
	dir, err := os.MkdirTemp("", "krater")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	p := &servePlane{t: t, socket: filepath.Join(dir, "ads.sock")}
	p.start()
	t.Cleanup(func() { p.rpc.Stop() })
	return p
}

// start runs a new server, which knows nothing, on the socket.
func (p *servePlane) start() {
	p.t.Helper()
	l, err := net.Listen("unix", p.socket)
	if err != nil {
		p.t.Fatal(err)
	}
	p.server = serve.New(serve.Options{Observe: p.observe})
	p.rpc = grpc.NewServer(serve.GRPCOptions()...)
	p.server.Register(p.rpc)
	rpc := p.rpc
	go rpc.Serve(l)
}

func (p *servePlane) observe(e serve.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = append(p.events, e)
}

// since gives the events of a kind after the mark, and a new mark.
func (p *servePlane) since(mark int, kind serve.EventKind) (out []serve.Event, next int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.events[mark:] {
		if e.Kind == kind {
			out = append(out, e)
		}
	}
	return out, len(p.events)
}

func (p *servePlane) mark() int { _, m := p.since(0, ""); return m }

// publish sends a set and waits until the proxy settled on it.
func (p *servePlane) publish(edit string, set serve.Set) {
	p.t.Helper()
	p.send(edit, set)
	harness.Until(p.t, 60*time.Second, "the proxy to settle on "+edit, func() error {
		settled, _ := p.since(0, serve.EventSettled)
		for _, e := range settled {
			for _, c := range e.Causes {
				if c.Edit == edit {
					return nil
				}
			}
		}
		return fmt.Errorf("status %+v", p.server.Status())
	})
}

func (p *servePlane) send(edit string, set serve.Set) {
	p.t.Helper()
	if err := p.server.Publish(serveNode, set, serve.Cause{Edit: edit, Context: context.Background()}); err != nil {
		p.t.Fatal(err)
	}
}

func (p *servePlane) envoy() *harness.Envoy {
	admin := harness.FreePort(p.t)
	return harness.StartEnvoy(p.t, []byte(fmt.Sprintf(`
node: {id: %s, cluster: probe}
admin: {address: {socket_address: {address: 127.0.0.1, port_value: %d}}}
dynamic_resources:
  ads_config:
    api_type: DELTA_GRPC
    transport_api_version: V3
    grpc_services: [{envoy_grpc: {cluster_name: krater-controlplane}}]
  cds_config: {ads: {}, resource_api_version: V3}
  lds_config: {ads: {}, resource_api_version: V3}
static_resources:
  clusters:
  - name: krater-controlplane
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {http2_protocol_options: {}}
    load_assignment:
      cluster_name: krater-controlplane
      endpoints: [{lb_endpoints: [{endpoint: {address: {pipe: {path: %s}}}}]}]
`, serveNode, admin, p.socket)), admin)
}

// read parses YAML into a proto.
func read[T proto.Message](t testing.TB, m T, text string, args ...any) T {
	t.Helper()
	js, err := yaml.YAMLToJSON([]byte(fmt.Sprintf(text, args...)))
	if err != nil {
		t.Fatal(err)
	}
	if err := protojson.Unmarshal(js, m); err != nil {
		t.Fatalf("%v in\n%s", err, js)
	}
	return m
}

func serveCluster(t testing.TB, name, extra string) *cluster.Cluster {
	return read(t, &cluster.Cluster{}, `
name: %s
type: EDS
eds_cluster_config: {eds_config: {ads: {}, resource_api_version: V3}}
%s`, name, extra)
}

func serveEndpoint(t testing.TB, name string, port int) *endpoint.ClusterLoadAssignment {
	return read(t, &endpoint.ClusterLoadAssignment{}, `
cluster_name: %s
endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: %d}}}}]}]`, name, port)
}

func serveListener(t testing.TB, name string, port int, routes string) *listener.Listener {
	return read(t, &listener.Listener{}, `
name: "%[1]s"
address: {socket_address: {address: 127.0.0.1, port_value: %[2]d}}
filter_chains:
- filters:
  - name: envoy.filters.network.http_connection_manager
    typed_config:
      "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
      stat_prefix: "%[1]s"
      rds: {route_config_name: %[3]s, config_source: {ads: {}, resource_api_version: V3}}
      http_filters:
      - name: %[1]s/authorization
        config_discovery:
          config_source: {ads: {}, resource_api_version: V3}
          type_urls: [type.googleapis.com/envoy.extensions.filters.http.filter_chain.v3.FilterChainConfig]
      - name: envoy.filters.http.router
        typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
`, name, port, routes)
}

func serveRoutes(t testing.TB, name string) *route.RouteConfiguration {
	return read(t, &route.RouteConfiguration{}, `
name: %s
vhds: {config_source: {ads: {}, resource_api_version: V3}}`, name)
}

func serveHost(t testing.TB, name, domain, to string) *route.VirtualHost {
	return read(t, &route.VirtualHost{}, `
name: %s
domains: ["%s"]
routes: [{match: {prefix: /}, route: {cluster: %s}}]`, name, domain, to)
}

// serveSlot is an ECDS slot: an empty filter chain, or one that refuses a path.
func serveSlot(t testing.TB, name, refused string) *core.TypedExtensionConfig {
	filters := ""
	if refused != "" {
		filters = fmt.Sprintf(`
  default_filter_chain:
    filters:
    - name: envoy.filters.http.rbac
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC
        rules:
          action: DENY
          policies:
            refused: {permissions: [{url_path: {path: {exact: %s}}}], principals: [{any: true}]}
`, refused)
	}
	return read(t, &core.TypedExtensionConfig{}, `
name: %s
typed_config:
  "@type": type.googleapis.com/envoy.extensions.filters.http.filter_chain.v3.FilterChainConfig%s`, name, filters)
}

// serveGet asks the listener, and gives status and body.
func serveGet(port int, host, path string) (int, string, error) {
	req, err := http.NewRequest(http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d%s", port, path), nil)
	if err != nil {
		return 0, "", err
	}
	req.Host = host
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res.StatusCode, strings.TrimSpace(string(body)), err
}

// serveStat reads one of the proxy's counters or gauges.
func serveStat(t testing.TB, e *harness.Envoy, name string) string {
	t.Helper()
	res, err := http.Get(e.Admin + "/stats?filter=^" + name + "$")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	return strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(string(body)), name+":"))
}

// serveApp is an application that answers its name.
func serveApp(t testing.TB, name string) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, name) })}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return l.Addr().(*net.TCPAddr).Port
}

// serveWorld is a proxy with one listener, two clusters and two virtual hosts.
func serveWorld(t *testing.T) (p *servePlane, e *harness.Envoy, set serve.Set, port int) {
	p = newServePlane(t)
	port = harness.FreePort(t)
	set = serve.Set{
		serve.TypeCluster:  {"a": serveCluster(t, "a", ""), "b": serveCluster(t, "b", "")},
		serve.TypeEndpoint: {"a": serveEndpoint(t, "a", serveApp(t, "app a")), "b": serveEndpoint(t, "b", serveApp(t, "app b"))},
		serve.TypeListener: {"web": serveListener(t, "web", port, "outbound")},
		serve.TypeExtensionConfig: {
			"web/authorization": serveSlot(t, "web/authorization", ""),
		},
		serve.TypeRouteConfiguration: {"outbound": serveRoutes(t, "outbound")},
		serve.TypeVirtualHost: {
			"outbound/a:80": serveHost(t, "outbound/a:80", "a", "a"),
			"outbound/b:80": serveHost(t, "outbound/b:80", "b", "b"),
		},
	}
	p.send("start", set)
	e = p.envoy()
	serveWant(t, port, "a", "/", 200, "app a")
	serveWant(t, port, "b", "/", 200, "app b")
	return p, e, set, port
}

// serveWant waits until the answer is as wanted.
func serveWant(t *testing.T, port int, host, path string, status int, body string) {
	t.Helper()
	harness.Until(t, 10*time.Second, fmt.Sprintf("%d %q from %s%s", status, body, host, path), func() error {
		gotStatus, gotBody, err := serveGet(port, host, path)
		if err == nil && (gotStatus != status || !strings.Contains(gotBody, body)) {
			err = fmt.Errorf("it answers %d %q", gotStatus, gotBody)
		}
		return err
	})
}

// serveSent is every resource sent after the mark, as "Type name".
func serveSent(p *servePlane, mark int) string {
	var out []string
	sent, _ := p.since(mark, serve.EventSent)
	for _, e := range sent {
		kind := e.Type[strings.LastIndex(e.Type, ".")+1:]
		for _, n := range e.Names {
			out = append(out, kind+" "+n)
		}
		for _, n := range e.Removed {
			out = append(out, kind+" -"+n)
		}
	}
	return strings.Join(out, ", ")
}

func TestServeOneEditIsOneResource(t *testing.T) {
	p, e, set, port := serveWorld(t)
	mark := p.mark()
	set[serve.TypeVirtualHost]["outbound/b:80"] = serveHost(t, "outbound/b:80", "b", "a")
	p.publish("route", set)
	serveWant(t, port, "b", "/", 200, "app a")
	if got := serveSent(p, mark); got != "VirtualHost outbound/b:80" {
		t.Errorf("a route edit sent %s", got)
	}

	mark = p.mark()
	set[serve.TypeExtensionConfig]["web/authorization"] = serveSlot(t, "web/authorization", "/secret")
	p.publish("policy", set)
	serveWant(t, port, "a", "/secret", 403, "RBAC")
	serveWant(t, port, "a", "/", 200, "app a")
	if got := serveSent(p, mark); got != "TypedExtensionConfig web/authorization" {
		t.Errorf("a policy edit sent %s", got)
	}
	for _, stat := range []string{"listener_manager.listener_modified", "listener_manager.total_filter_chains_draining"} {
		if got := serveStat(t, e, stat); got != "0" {
			t.Errorf("%s is %s", stat, got)
		}
	}
}

func TestServeARefusedResourceLeavesTrafficAlone(t *testing.T) {
	p, _, set, port := serveWorld(t)
	set[serve.TypeVirtualHost]["outbound/bad:80"] = serveHost(t, "outbound/bad:80", "a", "b") // a's domain
	set[serve.TypeVirtualHost]["outbound/c:80"] = serveHost(t, "outbound/c:80", "c", "b")
	set[serve.TypeExtensionConfig]["web/authorization"] = read(t, &core.TypedExtensionConfig{}, `
name: web/authorization
typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}`)
	p.publish("bad", set)
	serveWant(t, port, "a", "/", 200, "app a")
	serveWant(t, port, "c", "/", 200, "app b")
	types := p.server.Status()[0].Types
	for typeURL, want := range map[string]string{
		serve.TypeVirtualHost:     "outbound/bad:80: Only unique values for domains are permitted",
		serve.TypeExtensionConfig: "web/authorization: ",
	} {
		if got := types[typeURL]; got.State != serve.StateNack || !strings.HasPrefix(got.Detail, want) || len(got.Detail) == len(want) || len(got.Refused) != 1 {
			t.Errorf("%s: %+v", typeURL, got)
		}
	}
	set[serve.TypeVirtualHost]["outbound/a:80"] = serveHost(t, "outbound/a:80", "elsewhere", "a") // makes room
	set[serve.TypeExtensionConfig]["web/authorization"] = serveSlot(t, "web/authorization", "")
	p.publish("mended", set)
	serveWant(t, port, "a", "/", 200, "app b")
	for typeURL, st := range p.server.Status()[0].Types {
		if st.State != serve.StateSynced {
			t.Errorf("%s: %+v", typeURL, st)
		}
	}
}

func TestServeARestartedServerSendsNothing(t *testing.T) {
	p, e, set, port := serveWorld(t)
	set[serve.TypeExtensionConfig]["web/authorization"] = serveSlot(t, "web/authorization", "/secret")
	p.publish("policy", set)
	p.rpc.Stop()
	serveWant(t, port, "a", "/", 200, "app a")
	serveWant(t, port, "a", "/secret", 403, "RBAC")
	mark := p.mark()
	p.start()
	p.send("again", set)
	harness.Until(t, 30*time.Second, "the proxy to come back", func() error {
		for typeURL := range set {
			if st := p.server.Status()[0]; st.Types[typeURL].State != serve.StateSynced {
				return fmt.Errorf("status %+v", st)
			}
		}
		return nil
	})
	if got := serveSent(p, mark); got != "" {
		t.Errorf("the new server sent %s", got)
	}
	set[serve.TypeVirtualHost]["outbound/b:80"] = serveHost(t, "outbound/b:80", "b", "a")
	delete(set[serve.TypeCluster], "b")
	delete(set[serve.TypeEndpoint], "b")
	p.publish("after", set)
	serveWant(t, port, "b", "/", 200, "app a")
	if got := serveSent(p, mark); got != "VirtualHost outbound/b:80, Cluster -b" {
		t.Errorf("the new server sent %s", got)
	}
	if got := serveStat(t, e, "listener_manager.listener_modified"); got != "0" {
		t.Errorf("listener_modified is %s", got)
	}
}

func TestServeClusterReplacementLosesNoRequest(t *testing.T) {
	p, _, set, port := serveWorld(t)
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				if n < 100 {
					done <- fmt.Errorf("only %d requests were made", n)
				}
				close(done)
				return
			default:
			}
			if status, body, err := serveGet(port, "a", "/"); err != nil || status != 200 {
				done <- fmt.Errorf("request %d: %d %q %v", n, status, body, err)
				return
			}
		}
	}()
	begin := time.Now()
	for i := range 10 {
		// The virtual host moves to a new cluster, and the old one goes.
		name := fmt.Sprintf("a%d", i)
		set[serve.TypeCluster] = map[string]proto.Message{name: serveCluster(t, name, ""), "b": set[serve.TypeCluster]["b"]}
		set[serve.TypeEndpoint] = map[string]proto.Message{name: serveEndpoint(t, name, serveApp(t, name)), "b": set[serve.TypeEndpoint]["b"]}
		set[serve.TypeVirtualHost]["outbound/a:80"] = serveHost(t, "outbound/a:80", "a", name)
		p.publish("replace "+name, set)
		// The same cluster changes: it warms until it has its endpoints again.
		set[serve.TypeCluster][name] = serveCluster(t, name, "connect_timeout: 3s")
		p.publish("change "+name, set)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("20 edits took %s: clusters were left warming", took)
	}
	close(stop)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestServeARouteConfigurationWithoutHostsStarts(t *testing.T) {
	p, e, set, _ := serveWorld(t)
	port := harness.FreePort(t)
	set[serve.TypeListener]["more"] = serveListener(t, "more", port, "gateway|80")
	set[serve.TypeExtensionConfig]["more/authorization"] = serveSlot(t, "more/authorization", "")
	set[serve.TypeRouteConfiguration]["gateway|80"] = serveRoutes(t, "gateway|80")
	p.publish("no hosts", set)
	serveWant(t, port, "a", "/", 404, "")
	set[serve.TypeVirtualHost]["gateway|80/a:80"] = serveHost(t, "gateway|80/a:80", "a", "a")
	p.publish("a host", set)
	serveWant(t, port, "a", "/", 200, "app a")
	delete(set[serve.TypeVirtualHost], "gateway|80/a:80")
	p.publish("no hosts again", set)
	serveWant(t, port, "a", "/", 404, "")
	if got := serveStat(t, e, "listener_manager.total_listeners_warming"); got != "0" {
		t.Errorf("%s listeners are warming", got)
	}
}
