package redirect

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/agent"
	"github.com/krater-mesh/krater/agent/redirect"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/test/netns"
	"github.com/krater-mesh/krater/xds/serve"
	"github.com/krater-mesh/krater/xds/translate"
)

// proxyUser runs Envoy; the kernel knows the proxy's own calls by it.
const proxyUser = 1337

// world is a small mesh of two machines, client and server, with a real Envoy
// and redirected traffic on both, and a third, outside, that is no member.
type world struct {
	t                       *testing.T
	net                     *netns.Network
	client, server, outside *netns.Host
	plane                   *harness.Plane
	compiler                *translate.Compiler
	snap                    *model.Snapshot
	eps                     model.Endpoints
}

// Services and where they are found.
const (
	webHost, webIP   = "web.default.svc.cluster.local", "240.240.0.1"
	dbHost, dbIP     = "db.default.svc.cluster.local", "10.96.0.5"
	peersHost        = "peers.default.svc.cluster.local"
	externalHost     = "external.example.com"
	externalIP       = "240.240.0.9"
	clientID, server = "default/client", "default/server"
)

// newWorld makes the machines, and what is declared; nothing runs yet.
func newWorld(t *testing.T) *world {
	n := netns.New(t)
	w := &world{t: t, net: n, client: n.Host("client"), server: n.Host("server"), outside: n.Host("outside"),
		plane: harness.NewPlane(t), compiler: translate.NewCompiler(translate.Options{ModuleDir: t.TempDir()})}
	forProxies(t, strings.TrimPrefix(w.plane.Socket, "unix:"))
	port := func(n uint32, name string, p model.Protocol) model.Port {
		return model.Port{Number: n, Name: name, Protocol: p}
	}
	served := func(n uint32, name string, p model.Protocol) model.WorkloadPort {
		return model.WorkloadPort{Number: n, AppPort: n, Name: name, Protocol: p}
	}
	service := func(host string, ports ...model.Port) *model.Service {
		name, _, _ := strings.Cut(host, ".")
		return &model.Service{Object: model.Ref{Kind: "Service", Namespace: "default", Name: name}, Host: host, Namespace: "default", Name: name, Ports: ports, Resolution: model.ResolutionStatic}
	}
	web := service(webHost, port(80, "http", model.HTTP), port(9090, "grpc", model.GRPC), port(7000, "any", model.Auto))
	web.AutoAddress, web.Ports[0].TargetPort = webIP, 8080
	db := service(dbHost, port(3306, "tcp", model.TCP))
	db.Addresses = []string{dbIP}
	peers := service(peersHost, port(5432, "tcp", model.TCP))
	peers.Headless = true
	external := service(externalHost, port(80, "http", model.HTTP), port(443, "tls", model.TLS))
	external.External, external.AutoAddress, external.Name = true, externalIP, ""
	w.snap = &model.Snapshot{
		Mesh: model.Mesh{Name: "m", Domain: "cluster.local", RootNamespace: "istio-system", TrustDomain: "cluster.local", NormalizePath: true,
			Outbound: model.AllowAny, Retries: model.Retries{Attempts: 2}, DetectionTimeout: milliseconds(500)},
		Workloads: []model.Workload{
			{Namespace: "default", Name: "client", Labels: map[string]string{"app": "client"}, ServiceAccount: "client", Address: w.client.Address, Interception: model.InterceptByRedirect},
			{Namespace: "default", Name: "server", Labels: map[string]string{"app": "server"}, ServiceAccount: "server", Address: w.server.Address, Interception: model.InterceptByRedirect,
				Service: webHost, Ports: []model.WorkloadPort{served(8080, "http", model.HTTP), served(9090, "grpc", model.GRPC), served(7000, "any", model.Auto), served(3306, "tcp", model.TCP), served(5432, "tcp", model.TCP)}},
		},
		Services: []*model.Service{db, external, peers, web},
	}
	member := model.Endpoint{Address: w.server.Address, Workload: server, ServiceAccount: "server", MTLS: true, Health: model.Healthy, Weight: 1}
	for _, s := range w.snap.Services {
		e := member
		if s.External {
			e = model.Endpoint{Address: w.outside.Address, Health: model.Healthy, Weight: 1}
		}
		w.eps = append(w.eps, &model.ServiceEndpoints{Service: s.Key(), Endpoints: []model.Endpoint{e}})
	}
	return w
}

func milliseconds(n int) *model.Duration {
	d := model.Duration(time.Duration(n) * time.Millisecond)
	return &d
}

// forProxies lets the proxies' user reach a socket of this program.
func forProxies(t *testing.T, socket string) {
	t.Helper()
	for _, path := range []string{filepath.Dir(socket), socket} {
		if err := os.Chown(path, proxyUser, proxyUser); err != nil {
			t.Fatal(err)
		}
	}
}

// accept sets what the server takes, by a PeerAuthentication.
func (w *world) accept(mode model.MTLSMode) {
	w.snap.PeerAuthentications = []*model.PeerAuthentication{{Object: model.Ref{Kind: "PeerAuthentication", Namespace: "istio-system", Name: "default"}, Mode: mode}}
}

// start redirects the traffic of both machines, and runs their Envoys.
func (w *world) start(b redirect.Backend) {
	w.t.Helper()
	w.offer()
	for _, h := range []*netns.Host{w.client, w.server} {
		up(w.t, h, redirect.Default(), b)
		w.envoy(h)
	}
}

// sets are what each proxy gets.
func (w *world) sets() map[string]serve.Set {
	w.t.Helper()
	snap := *w.snap // a compiled one never changes
	snap.Seal()
	w.eps.Sort()
	out := map[string]serve.Set{}
	for id, r := range w.compiler.Compile(&snap, w.eps, snap.Workloads) {
		for _, p := range r.Problems {
			w.t.Logf("%s: %s", id, p)
		}
		out[id] = r.Resources().Set()
	}
	return out
}

func (w *world) offer() {
	w.t.Helper()
	for id, set := range w.sets() {
		w.plane.Offer(w.t, id, set)
	}
}

// publish gives running proxies what is declared now.
func (w *world) publish() {
	w.t.Helper()
	for id, set := range w.sets() {
		for _, refused := range w.plane.Publish(w.t, id, set) {
			w.t.Errorf("%s refuses: %s", id, refused.Detail)
		}
	}
}

// envoy runs the Envoy of a machine, as the proxies' user.
func (w *world) envoy(h *netns.Host) *netns.Process {
	w.t.Helper()
	workload, _ := w.snap.Workload(h.Name)
	identity := harness.NewIdentity(w.t, workload)
	forProxies(w.t, strings.TrimPrefix(identity.SDS, "unix:"))
	b, err := agent.Bootstrap(agent.Proxy{ID: workload.ID(), Name: workload.Name, Address: workload.Address},
		agent.Upstreams{ControlPlane: w.plane.Socket, SDS: identity.SDS})
	if err != nil {
		w.t.Fatal(err)
	}
	text, err := agent.MarshalBootstrap(b)
	if err != nil {
		w.t.Fatal(err)
	}
	p := h.Start(netns.Command{UID: proxyUser, Args: []string{h.Program(harness.EnvoyPath(w.t)), "-c", w.net.Share(h.Name+"-bootstrap.json", text),
		"--use-dynamic-base-id", "--concurrency", "1", "--log-level", "warning", "--component-log-level", "misc:error"}})
	harness.Until(w.t, 60*time.Second, "the envoy of "+h.Name+" to be live", func() error {
		if got := w.admin(h, "/ready"); strings.TrimSpace(got) != "LIVE" {
			return fmt.Errorf("ready answers %q\n%s", got, p.Log)
		}
		return nil
	})
	return p
}

// admin asks a machine's Envoy.
func (w *world) admin(h *netns.Host, path string) string {
	res, err := h.Client().Get("http://127.0.0.1:15000" + path)
	if err != nil {
		return err.Error()
	}
	return read(res)
}

// app serves HTTP/1.1 and HTTP/2 in plain text, and says what it saw.
func app(h *netns.Host, address string) {
	l := h.Listen(address)
	s := &httptest.Server{Listener: l, Config: &http.Server{Protocols: new(http.Protocols), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from, _, _ := net.SplitHostPort(r.RemoteAddr)
		local, _, _ := net.SplitHostPort(r.Context().Value(http.LocalAddrContextKey).(net.Addr).String())
		_ = json.NewEncoder(w).Encode(seen{Who: h.Name, Host: r.Host, From: from, To: local, Proto: r.Proto, Caller: r.Header.Get("X-Forwarded-Client-Cert")})
	})}}
	s.Config.Protocols.SetHTTP1(true)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
}

// seen is what an application saw of a request.
type seen struct{ Who, Host, From, To, Proto, Caller string }
