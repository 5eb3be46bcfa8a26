package redirect

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/agent/redirect"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/test/netns"
)

// tlsApp serves HTTPS with a certificate of nobody's, and says its name.
func tlsApp(t *testing.T, h *netns.Host, address string) {
	t.Helper()
	m := harness.NewAuthority(t, "outside.example").Issue(t, model.Workload{Namespace: "x", Name: "y", ServiceAccount: "z"}, nil)
	pair, err := tls.X509KeyPair(m.Chain, m.Key)
	if err != nil {
		t.Fatal(err)
	}
	l := tls.NewListener(h.Listen(address), &tls.Config{Certificates: []tls.Certificate{pair}})
	go func() {
		_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			from, _, _ := net.SplitHostPort(r.RemoteAddr)
			_ = json.NewEncoder(w).Encode(seen{Who: h.Name, Host: r.TLS.ServerName, From: from})
		}))
	}()
}

// TestCallsThatNobodyDeclaredGoWhereTheyWereGoing: with ALLOW_ANY to their
// original destination, with REGISTRY_ONLY nowhere.
func TestCallsThatNobodyDeclaredGoWhereTheyWereGoing(t *testing.T) {
	w := newWorld(t)
	app(w.outside, ":80")
	app(w.outside, ":8123")
	tlsApp(t, w.outside, ":443")
	names(w.outside, ":2525", "mail")
	w.start(redirect.NFTables)
	there := w.outside.Address

	reach := func() map[string]string {
		out := map[string]string{"tcp": reached(w.client, 1000, there+":2525"), "tcp by IPv6": reached(w.client, 1000, net.JoinHostPort(w.outside.Address6, "2525"))}
		for what, call := range map[string]struct{ name, ip string }{
			"declared":                    {"http://external.example.com:80/", externalIP},
			"declared, by a real address": {"http://external.example.com:80/", there},
			"declared, TLS":               {"https://external.example.com:443/", externalIP},
			"another name":                {"http://unknown.example.com:80/", there},
			"another port":                {"http://unknown.example.com:8123/", there},
			"TLS of another name":         {"https://unknown.example.com:443/", there},
		} {
			status, got := curl(t, w.client, call.name, call.ip, "-k")
			if out[what] = got.Who; got.Who == "" {
				out[what] = status
			}
			if got.Who != "" && got.From != w.client.Address {
				t.Errorf("%s: the call comes from %s, want the client's address", what, got.From)
			}
		}
		return out
	}
	got := reach()
	for what, who := range got {
		if want := map[bool]string{true: "mail", false: "outside"}[strings.HasPrefix(what, "tcp")]; who != want {
			t.Errorf("ALLOW_ANY, %s: %s, want %s", what, who, want)
		}
	}

	w.snap.Mesh.Outbound = model.RegistryOnly
	w.publish()
	got = reach()
	for what, want := range map[string]string{
		"declared": "outside", "declared, by a real address": "outside", "declared, TLS": "outside",
		"another name": "502", "tcp": "nobody", "tcp by IPv6": "nobody",
	} {
		if got[what] != want && !(want == "nobody" && got[what] == "") {
			t.Errorf("REGISTRY_ONLY, %s: %s, want %s", what, got[what], want)
		}
	}
	for _, what := range []string{"another port", "TLS of another name"} {
		if got[what] == "outside" {
			t.Errorf("REGISTRY_ONLY, %s: it goes out", what)
		}
	}
}

// TestResolutionNoneIsTheOriginalDestination, of requests and of connections,
// also where nothing else goes out.
func TestResolutionNoneIsTheOriginalDestination(t *testing.T) {
	w := newWorld(t)
	app(w.outside, ":8501")
	names(w.outside, ":8500", "there")
	w.snap.Mesh.Outbound = model.RegistryOnly
	w.snap.Services = append(w.snap.Services, &model.Service{Object: model.Ref{Kind: "ServiceEntry", Namespace: "default", Name: "none"}, Host: "*.none.example.com",
		Namespace: "default", External: true, Resolution: model.ResolutionNone,
		Ports: []model.Port{{Number: 8500, Name: "tcp", Protocol: model.TCP}, {Number: 8501, Name: "http", Protocol: model.HTTP}}})
	w.start(redirect.NFTables)
	if got := reached(w.client, 1000, w.outside.Address+":8500"); got != "there" {
		t.Errorf("a connection reaches %q, want where it was going", got)
	}
	if status, got := curl(t, w.client, "http://a.none.example.com:8501/", w.outside.Address); status != "200" || got.Who != "outside" {
		t.Errorf("a request: %s, %+v, want an answer from where it was going", status, got)
	}
	if status, _ := curl(t, w.client, "http://other.example.com:8501/", w.outside.Address); status != "502" {
		t.Errorf("a request for another host: %s, want 502", status)
	}
}

// TestPortsThatTheMeshDoesNotKnow are passed on to the application, as the
// workload's mutual TLS says.
func TestPortsThatTheMeshDoesNotKnow(t *testing.T) {
	w := newWorld(t)
	app(w.server, ":8080")
	app(w.server, ":9999")
	names(w.server, ":9998", "unknown")
	w.start(redirect.NFTables)
	there := w.server.Address
	for _, x := range []struct {
		mode model.MTLSMode
		want string
	}{{model.MTLSPermissive, "200"}, {model.MTLSStrict, "refused"}, {model.MTLSDisable, "200"}} {
		w.accept(x.mode)
		w.publish()
		for _, call := range []struct {
			from *netns.Host
			name string
		}{{w.outside, "http://x:9999/"}, {w.outside, "http://x:8080/"}, {w.client, "http://x:9999/"}} {
			status, got := curl(t, call.from, call.name, there)
			if status != "200" {
				status = "refused"
			}
			if status != x.want {
				t.Errorf("%s: %s calls %s: %s, want %s", x.mode, call.from.Name, call.name, status, x.want)
			}
			if status == "200" && (got.From != "127.0.0.6" || got.To != there) {
				t.Errorf("%s: the application is called from %s at %s", x.mode, got.From, got.To)
			}
		}
		if got := reached(w.outside, 1000, there+":9998"); (got == "unknown") != (x.want == "200") {
			t.Errorf("%s: a server that speaks first, on a port that nobody knows: %q", x.mode, got)
		}
	}
	// IPv6 is no way around.
	w.accept(model.MTLSStrict)
	w.publish()
	if got := reached(w.outside, 1000, net.JoinHostPort(w.server.Address6, "9998")); got == "unknown" {
		t.Error("STRICT is met over IPv4 only")
	}
	w.accept(model.MTLSPermissive)
	w.publish()
	res, err := w.outside.Client().Get("http://[" + w.server.Address6 + "]:8080/")
	if err != nil {
		t.Fatal(err)
	}
	var got seen
	if _ = json.Unmarshal([]byte(read(res)), &got); got.From != "::6" || got.To != w.server.Address6 {
		t.Errorf("over IPv6 the application is called from %s at %s, want from ::6 at its own", got.From, got.To)
	}
	// A port of no service may have a mode of its own.
	w.snap.PeerAuthentications = []*model.PeerAuthentication{{Object: model.Ref{Kind: "PeerAuthentication", Namespace: "default", Name: "server"},
		Selector: &model.Selector{Labels: map[string]string{"app": "server"}}, Mode: model.MTLSStrict, Ports: map[uint32]model.MTLSMode{9999: model.MTLSDisable}}}
	w.publish()
	if status, _ := curl(t, w.outside, "http://x:9999/", there); status != "200" {
		t.Errorf("port 9999 is DISABLE: %s", status)
	}
	if got := reached(w.outside, 1000, there+":9998"); got == "unknown" {
		t.Error("port 9998 is STRICT, and takes plain text")
	}
}

// TestAWorkloadCallsItself by its service's address, through both of its
// sidecar's sides, and by its own address directly; nothing goes in circles.
func TestAWorkloadCallsItself(t *testing.T) {
	w := newWorld(t)
	w.accept(model.MTLSStrict)
	app(w.server, ":8080")
	w.start(redirect.NFTables)
	status, got := curl(t, w.server, "http://web:80/", webIP)
	if status != "200" || got.From != "127.0.0.6" || !strings.Contains(got.Caller, "sa/server") {
		t.Errorf("by its service's address: %s, %+v, want a call by mutual TLS from itself", status, got)
	}
	for _, ip := range []string{w.server.Address, "127.0.0.1"} {
		if status, got := curl(t, w.server, "http://x:8080/", ip); status != "200" || got.From != ip {
			t.Errorf("by %s: %s, %+v, want the application, directly", ip, status, got)
		}
	}
	for address, want := range map[string]string{"127.0.0.1:15001": "", "127.0.0.1:15006": "", w.server.Address + ":15006": "", w.server.Address + ":15001": "nobody"} {
		if got := reached(w.server, 1000, address); got != want { // a connection that goes in circles is held until it is given up
			t.Errorf("a program calls %s and gets %q, want %q", address, got, want)
		}
	}
	if n := w.stat(w.server, "listener.127.0.0.1_15001.downstream_cx_total"); n > 10 {
		t.Errorf("the sidecar took %d connections on its outbound port: they go in circles", n)
	}
}

// stat is one of an Envoy's counters; 0 where it has none.
func (w *world) stat(h *netns.Host, name string) int {
	var n int
	_, _ = fmt.Sscanf(strings.TrimPrefix(w.admin(h, "/stats?filter=^"+name+"$"), name+":"), "%d", &n)
	return n
}

// TestEditsTouchNoListenerOfRedirectedTraffic: routes, destinations, policies,
// endpoints.
func TestEditsTouchNoListenerOfRedirectedTraffic(t *testing.T) {
	w := newWorld(t)
	app(w.server, ":8080")
	names(w.server, ":3306", "db")
	w.start(redirect.NFTables)
	if status, _ := curl(t, w.client, "http://web:80/", webIP); status != "200" {
		t.Fatalf("before: %s", status)
	}
	changed := func() [3]int {
		var n [3]int
		for i, stat := range []string{"listener_manager.listener_modified", "listener_manager.listener_in_place_updated", "listener_manager.listener_added"} {
			n[i] = w.stat(w.client, stat) + w.stat(w.server, stat)
		}
		return n
	}
	before := changed()
	subset := &model.DestinationPolicy{Object: model.Ref{Kind: "DestinationRule", Namespace: "default", Name: "web"}, Host: webHost,
		Subsets: []model.Subset{{Name: "v1", Labels: map[string]string{"version": "v1"}}}}
	table := &model.RouteTable{Object: model.Ref{Kind: "VirtualService", Namespace: "default", Name: "web"}, Hosts: []string{webHost}, Gateways: []string{model.MeshGateway},
		HTTP: []model.HTTPRoute{{Name: "r", Direct: &model.DirectResponse{Status: 418}}}}
	deny := &model.AuthorizationPolicy{Object: model.Ref{Kind: "AuthorizationPolicy", Namespace: "default", Name: "none"}, Action: model.Allow}
	for _, edit := range []struct {
		what string
		do   func()
		want string
	}{
		{"a DestinationRule", func() { w.snap.Destinations = []*model.DestinationPolicy{subset} }, "200"},
		{"a VirtualService", func() { w.snap.Routes = []*model.RouteTable{table} }, "418"},
		{"no VirtualService", func() { w.snap.Routes = nil }, "200"},
		{"an AuthorizationPolicy", func() { w.snap.Authorization = []*model.AuthorizationPolicy{deny} }, "403"},
		{"no AuthorizationPolicy", func() { w.snap.Authorization = nil }, "200"},
		{"no endpoint", func() { w.endpointsOf(webHost) }, "503"},
		{"an endpoint", func() {
			w.endpointsOf(webHost, model.Endpoint{Address: w.server.Address, Workload: server, ServiceAccount: "server", MTLS: true, Health: model.Healthy, Weight: 1})
		}, "200"},
	} {
		edit.do()
		w.publish()
		harness.Until(t, 5*time.Second, "the effect of "+edit.what, func() error {
			if status, _ := curl(t, w.client, "http://web:80/", webIP); status != edit.want {
				return fmt.Errorf("a call gives %s, want %s", status, edit.want)
			}
			return nil
		})
	}
	if after := changed(); after != before {
		t.Errorf("listeners modified, updated in place, added: %v, before %v", after, before)
	}
	// What a port takes is part of its chains: they change in place, and nothing
	// else of the listener is touched.
	w.accept(model.MTLSStrict)
	w.publish()
	if strict := changed(); strict[0]-before[0] != strict[1]-before[1] || strict[2] != before[2] || strict[1] == before[1] {
		t.Errorf("a PeerAuthentication: modified, in place, added are %v, before %v: want updates, all of them in place", strict, before)
	}
	before = changed()
	// A new service of connections is one more listener, and a headless one's
	// endpoint likewise; no other is touched.
	more := *w.snap.Services[0]
	more.Host, more.Name, more.Addresses = "more.default.svc.cluster.local", "more", []string{"10.96.0.6"}
	w.snap.Services = append(w.snap.Services, &more)
	w.endpointsOf(peersHost, model.Endpoint{Address: w.server.Address, Health: model.Healthy, Weight: 1}, model.Endpoint{Address: w.outside.Address, Health: model.Healthy, Weight: 1})
	w.publish()
	after := changed()
	if after[0] != before[0] || after[1] != before[1] || after[2] != before[2]+4 {
		t.Errorf("a new service and an endpoint: modified, in place, added are %v, before %v: want four more, two for each proxy", after, before)
	}
}

// endpointsOf sets a service's endpoints.
func (w *world) endpointsOf(host string, list ...model.Endpoint) {
	eps := model.Endpoints{}
	for _, e := range w.eps {
		if e.Service.Host == host {
			e = &model.ServiceEndpoints{Service: e.Service, Endpoints: list}
		}
		eps = append(eps, e)
	}
	w.eps = eps
}
