package envoy_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/xds/translate"
)

// gatewayWorld is a world whose gateway opens 80, 443 and 9000.
func gatewayWorld(t *testing.T) *world {
	w, _ := l4World(t)
	edge := &w.snap.Workloads[1]
	edge.Ports = nil
	for port, at := range map[uint32]uint32{80: 8080, 443: 8443, 9000: 9000} {
		edge.Ports = append(edge.Ports, model.WorkloadPort{Number: port, AppPort: at, Name: fmt.Sprint("p", port), Protocol: model.TCP})
	}
	return w
}

func (w *world) gateway(name string, servers ...model.GatewayServer) {
	for i := range servers {
		servers[i].Namespaces = make([]string, len(servers[i].Hosts))
	}
	w.snap.Gateways = append(w.snap.Gateways, &model.Gateway{Object: model.Ref{Kind: "Gateway", Namespace: "default", Name: name},
		Selector: model.Selector{Labels: map[string]string{"istio": "ingressgateway"}}, Servers: servers})
}

// https is a server of port 443.
func https(tls *model.ServerTLS, hosts ...string) model.GatewayServer {
	return model.GatewayServer{Port: 443, Protocol: model.HTTPS, Hosts: hosts, TLS: tls}
}

// routed sends a host's requests at a gateway to a version of reviews.
func (w *world) routed(gateway, host, version string) {
	w.snap.Routes = append(w.snap.Routes, &model.RouteTable{Object: model.Ref{Kind: "VirtualService", Namespace: "default", Name: "to-" + strings.ReplaceAll(host, "*", "any")},
		Hosts: []string{host}, Gateways: []string{"default/" + gateway},
		HTTP: []model.HTTPRoute{{Name: "r", Destinations: []model.Destination{to(version, 1)}}}})
}

func (w *world) secret(name string, p pair, ca, crl []byte) {
	w.snap.Secrets = append(w.snap.Secrets, &model.Secret{Object: model.Ref{Kind: "Secret", Namespace: "istio-system", Name: name},
		Certificate: p.Certificate, PrivateKey: p.Key, CA: ca, CRL: crl})
}

func (w *world) resourcesOf(workload string) translate.Resources {
	w.t.Helper()
	w.snap.Seal()
	at, _ := w.snap.Workload(workload)
	r, problems := translate.Translate(w.snap, w.eps, at, noOptions)
	if len(problems) > 0 {
		w.t.Fatal(problems)
	}
	return r
}

// edge is a client of the gateway's port 443 that asks for a server name.
func (w *world) edge(c *tls.Config) *http.Client {
	return client(&http.Transport{TLSClientConfig: c, ForceAttemptHTTP2: true, DialContext: dialer(w.address(1) + ":8443")})
}

// dialer goes to one address, whoever is asked for.
func dialer(at string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", at)
	}
}

// outcome is a request's status and who answered, or why there is no answer.
func outcome(c *http.Client, url string, headers ...string) string {
	r, err := http.NewRequest("GET", url, nil)
	if err != nil {
		return err.Error()
	}
	for _, h := range headers {
		r.Host = h
	}
	res, err := c.Do(r)
	if err != nil {
		return "refused"
	}
	defer res.Body.Close()
	var b [400]byte
	n, _ := res.Body.Read(b[:])
	_, who, _ := strings.Cut(string(b[:n]), `"Who":"`)
	who, _, _ = strings.Cut(who, `"`)
	return strings.TrimSpace(fmt.Sprint(res.StatusCode, " ", who))
}

// TestGatewayTLS decrypts in every mode, with certificates from Secrets.
func TestGatewayTLS(t *testing.T) {
	w := gatewayWorld(t)
	ca, other := newAuthority(t, "ca"), newAuthority(t, "other")
	w.secret("web", ca.issue(10, "*.web.test", "one.test", "two.test"), nil, nil)
	w.secret("mutual", ca.issue(11, "mutual.test", "san.test", "optional.test"), ca.PEM, ca.revoke(66))
	w.secret("late", ca.issue(12, "late.test"), nil, nil)
	simple := &model.ServerTLS{Mode: model.TLSSimple, Credentials: []string{"web"}}
	mutual := func(mode model.TLSMode, sans ...string) *model.ServerTLS {
		return &model.ServerTLS{Mode: mode, Credentials: []string{"mutual"}, SubjectAltNames: sans}
	}
	w.gateway("web", https(simple, "*.web.test"),
		https(&model.ServerTLS{Mode: model.TLSSimple, Credentials: []string{"web"}, MinVersion: "TLSV1_3"}, "one.test"),
		https(&model.ServerTLS{Mode: model.TLSSimple, Credentials: []string{"web"}, MaxVersion: "TLSV1_2", CipherSuites: []string{"ECDHE-ECDSA-AES256-GCM-SHA384"}}, "two.test"))
	w.gateway("mutual", https(mutual(model.TLSMutual), "mutual.test"), https(mutual(model.TLSMutual, "good.client"), "san.test"),
		https(mutual(model.TLSOptionalMutual), "optional.test"), https(&model.ServerTLS{Mode: model.TLSSimple, Credentials: []string{"absent"}}, "absent.test"))
	for host, gateway := range map[string]string{"*.web.test": "web", "one.test": "web", "two.test": "web", "mutual.test": "mutual", "san.test": "mutual", "optional.test": "mutual", "absent.test": "mutual"} {
		w.routed(gateway, host, "v1")
	}
	plane, envoy := translatePlane(t, w.resourcesOf("edge"))
	plane.publish("first", w.resourcesOf("edge").Set())

	with := func(p ...pair) *tls.Config {
		c := &tls.Config{RootCAs: ca.pool()}
		for _, p := range p {
			// Go would not send one whose authority the server does not name.
			cert := p.tls(t)
			c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
		}
		return c
	}
	old := with()
	old.MaxVersion = tls.VersionTLS12
	for _, c := range []struct {
		name, url, host string
		tls             *tls.Config
		want            string
	}{
		{"SIMPLE", "https://a.web.test/", "", with(), "200 v1"},
		{"a port in Host", "https://a.web.test:8443/", "", with(), "200 v1"},
		{"a Host of another server", "https://a.web.test/", "one.test", with(), "404"},
		{"a Host of nobody", "https://a.web.test/", "nobody.test", with(), "404"},
		{"another Host of the server", "https://a.web.test/", "b.web.test", with(), "200 v1"},
		{"a name that nobody serves", "https://nobody.test/", "", with(), "refused"},
		{"TLS 1.3 only", "https://one.test/", "", with(), "200 v1"},
		{"TLS 1.3 only, asked by 1.2", "https://one.test/", "", old, "refused"},
		{"ciphers", "https://two.test/", "", old, "200 v1"},
		{"MUTUAL without a certificate", "https://mutual.test/", "", with(), "refused"},
		{"MUTUAL", "https://mutual.test/", "", with(ca.issue(20, "client")), "200 v1"},
		{"MUTUAL, another authority", "https://mutual.test/", "", with(other.issue(20, "client")), "refused"},
		{"MUTUAL, revoked", "https://mutual.test/", "", with(ca.issue(66, "client")), "refused"},
		{"MUTUAL, name", "https://san.test/", "", with(ca.issue(20, "good.client")), "200 v1"},
		{"MUTUAL, another name", "https://san.test/", "", with(ca.issue(20, "bad.client")), "refused"},
		{"OPTIONAL_MUTUAL without", "https://optional.test/", "", with(), "200 v1"},
		{"OPTIONAL_MUTUAL", "https://optional.test/", "", with(ca.issue(20, "client")), "200 v1"},
		{"OPTIONAL_MUTUAL, another authority", "https://optional.test/", "", with(other.issue(20, "client")), "refused"},
		{"a Secret that is not there", "https://absent.test/", "", with(), "refused"},
	} {
		if got := outcome(w.edge(c.tls), c.url, strings.Fields(c.host)...); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	if p, cipher := w.handshake(&tls.Config{ServerName: "two.test", RootCAs: ca.pool(), NextProtos: []string{"h2", "http/1.1"}}); p != "h2" || cipher != tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 {
		t.Errorf("negotiated %s with %x", p, cipher)
	}
	a := do(t, w.edge(with(ca.issue(20, "client"))), "GET https://mutual.test/", "x-forwarded-client-cert: forged")
	if xfcc := a.echo.Headers.Get("x-forwarded-client-cert"); !strings.Contains(xfcc, `Subject="CN=client"`) || strings.Contains(xfcc, "forged") {
		t.Errorf("the client's certificate at the upstream: %q", xfcc)
	}
	// A new certificate, and a Secret that comes later, change no listener.
	before := serveStat(t, envoy, "listener_manager.listener_modified")
	w.snap.Secrets[0] = &model.Secret{Object: w.snap.Secrets[0].Object, Certificate: nil}
	renewed := other.issue(99, "*.web.test")
	w.snap.Secrets[0].Certificate, w.snap.Secrets[0].PrivateKey = renewed.Certificate, renewed.Key
	w.secret("absent", ca.issue(12, "absent.test"), nil, nil)
	plane.publish("renewed", w.resourcesOf("edge").Set())
	harness.Until(t, 5*time.Second, "the new certificate", func() error {
		if got := outcome(w.edge(&tls.Config{RootCAs: other.pool()}), "https://a.web.test/"); got != "200 v1" {
			return fmt.Errorf("%s", got)
		}
		return nil
	})
	if got := outcome(w.edge(with()), "https://absent.test/"); got != "200 v1" {
		t.Errorf("a Secret that came later: %s", got)
	}
	if after := serveStat(t, envoy, "listener_manager.listener_modified"); after != before {
		t.Errorf("listener_modified went from %s to %s", before, after)
	}
}

// handshake gives what is agreed with the gateway.
func (w *world) handshake(c *tls.Config) (protocol string, cipher uint16) {
	w.t.Helper()
	conn, err := tls.Dial("tcp", w.address(1)+":8443", c)
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().NegotiatedProtocol, conn.ConnectionState().CipherSuite
}

// TestGatewayCertificatesOfFiles takes certificates from files, and new ones
// without a push. Where there are two, the client's abilities choose.
func TestGatewayCertificatesOfFiles(t *testing.T) {
	w := gatewayWorld(t)
	ca, next := newAuthority(t, "ca"), newAuthority(t, "next")
	dir := t.TempDir()
	write := func(p pair) model.CertificateFiles {
		// As a Kubernetes mount does it: a new folder, then one rename.
		data, err := os.MkdirTemp(dir, "data")
		if err != nil {
			t.Fatal(err)
		}
		for name, b := range map[string][]byte{"tls.crt": p.Certificate, "tls.key": p.Key} {
			if err := os.WriteFile(filepath.Join(data, name), b, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
				if err := os.Symlink(filepath.Join("current", name), filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}
		}
		link := filepath.Join(dir, "link")
		if err := os.Symlink(data, link); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(link, filepath.Join(dir, "current")); err != nil {
			t.Fatal(err)
		}
		return model.CertificateFiles{Certificate: filepath.Join(dir, "tls.crt"), PrivateKey: filepath.Join(dir, "tls.key")}
	}
	files := write(ca.issue(5, "files.test"))
	w.gateway("files", https(&model.ServerTLS{Mode: model.TLSSimple, Certificates: []model.CertificateFiles{files}}, "files.test"),
		https(&model.ServerTLS{Mode: model.TLSSimple, Certificates: []model.CertificateFiles{{Certificate: "/nowhere/c.pem", PrivateKey: "/nowhere/k.pem"}}}, "nowhere.test"))
	w.routed("files", "files.test", "v2")
	translatePlane(t, w.resourcesOf("edge"))
	ask := func(a *authority) string {
		return outcome(w.edge(&tls.Config{RootCAs: a.pool()}), "https://files.test/")
	}
	harness.Until(t, 20*time.Second, "the gateway", func() error {
		if got := ask(ca); got != "200 v2" {
			return fmt.Errorf("%s", got)
		}
		return nil
	})
	write(next.issue(6, "files.test"))
	harness.Until(t, 10*time.Second, "the new files", func() error {
		if got := ask(next); got != "200 v2" {
			return fmt.Errorf("%s", got)
		}
		return nil
	})
}

// TestGatewayConnections passes connections on: TLS by its server name, and
// TCP, both by weights; and TCP inside of TLS that ends here.
func TestGatewayConnections(t *testing.T) {
	w := gatewayWorld(t)
	ca := newAuthority(t, "ca")
	w.secret("tcp", ca.issue(1, "tcp.test"), nil, nil)
	w.gateway("l4",
		model.GatewayServer{Port: 9000, Protocol: model.TCP, Hosts: []string{"*"}},
		model.GatewayServer{Port: 443, Protocol: model.TLS, Hosts: []string{"*.tls.test"}, TLS: &model.ServerTLS{Mode: model.TLSPassthrough}},
		model.GatewayServer{Port: 443, Protocol: model.TLS, Hosts: []string{"tcp.test"}, TLS: &model.ServerTLS{Mode: model.TLSSimple, Credentials: []string{"tcp"}}})
	table := func(name, host string) *model.RouteTable {
		return &model.RouteTable{Object: model.Ref{Kind: "VirtualService", Namespace: "default", Name: name}, Hosts: []string{host}, Gateways: []string{"default/l4"}}
	}
	const one, two = "one.default.svc.cluster.local", "two.default.svc.cluster.local"
	tcp, tlsRoutes := table("tcp", "*"), table("tls", "*.tls.test")
	tcp.TCP = []model.L4Route{
		{Name: "tcp[0]", Matches: []model.L4Match{{Port: 9000, SourceSubnet: "127.0.0.9/32"}}, Destinations: []model.Destination{toService(two, 3306, 1)}},
		{Name: "tcp[1]", Matches: []model.L4Match{{Port: 9000}, {Port: 443, Gateways: []string{"default/other"}}}, Destinations: []model.Destination{toService(one, 3306, 1)}},
		{Name: "tcp[2]", Matches: []model.L4Match{{Port: 443}}, Destinations: []model.Destination{toService(two, 3306, 1)}}}
	tlsRoutes.TLS = []model.L4Route{
		{Name: "tls[0]", Matches: []model.L4Match{{SNI: []string{"a.tls.test"}}}, Destinations: []model.Destination{toService("a.tls.test", 443, 50), toService("b.tls.test", 443, 50)}},
		{Name: "tls[1]", Matches: []model.L4Match{{SNI: []string{"b.tls.test"}}}, Destinations: []model.Destination{toService("b.tls.test", 443, 1)}}}
	w.snap.Routes = []*model.RouteTable{tcp, tlsRoutes}
	plane, envoy := translatePlane(t, w.resourcesOf("edge"))
	plane.publish("first", w.resourcesOf("edge").Set())

	dial := func(from, port string) net.Conn {
		t.Helper()
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 5 * time.Second}
		c, err := d.Dial("tcp", w.address(1)+":"+port)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		return c
	}
	says := func(c net.Conn) string { return talk{c, bufio.NewReader(c)}.line() }
	if got := says(dial("127.0.0.1", "9000")); got != "one" {
		t.Errorf("TCP: %q", got)
	}
	if got := says(dial("127.0.0.9", "9000")); got != "two" {
		t.Errorf("TCP from another address: %q", got)
	}
	if got := says(tls.Client(dial("127.0.0.1", "8443"), &tls.Config{ServerName: "tcp.test", RootCAs: ca.pool()})); got != "two" {
		t.Errorf("TCP inside of TLS: %q", got)
	}
	if got := serverSays(t, dial("127.0.0.1", "8443"), "b.tls.test"); got != "b b.tls.test" {
		t.Errorf("passed through: %q", got)
	}
	if got := serverSays(t, dial("127.0.0.1", "8443"), "c.tls.test"); got != "EOF" && !strings.Contains(got, "reset") {
		t.Errorf("a name without a route: %q", got)
	}
	seen := map[string]int{}
	for range 60 {
		seen[serverSays(t, dial("127.0.0.1", "8443"), "a.tls.test")]++
	}
	if seen["a a.tls.test"] < 10 || seen["b a.tls.test"] < 10 {
		t.Errorf("by weights: %v", seen)
	}
	before := serveStat(t, envoy, "listener_manager.listener_modified")
	moved := *tcp
	moved.TCP = slices.Clone(tcp.TCP)
	moved.TCP[1].Destinations = []model.Destination{toService(two, 3306, 1)}
	w.snap.Routes = []*model.RouteTable{&moved, tlsRoutes}
	plane.publish("moved", w.resourcesOf("edge").Set())
	if got := says(dial("127.0.0.1", "9000")); got != "two" {
		t.Errorf("after the edit: %q", got)
	}
	if after := serveStat(t, envoy, "listener_manager.listener_modified"); after != before {
		t.Errorf("listener_modified went from %s to %s", before, after)
	}
}

// TestGatewayHTTPS carries what browsers do: HTTP/2, redirects from plain HTTP,
// and Gateways that share ports.
func TestGatewayHTTPS(t *testing.T) {
	w := gatewayWorld(t)
	ca := newAuthority(t, "ca")
	w.secret("web", ca.issue(10, "*.web.test"), nil, nil)
	tlsOf := &model.ServerTLS{Mode: model.TLSSimple, Credentials: []string{"web"}}
	w.gateway("a", model.GatewayServer{Port: 80, Protocol: model.HTTP, Hosts: []string{"a.web.test"}, HTTPSRedirect: true}, https(tlsOf, "a.web.test"))
	w.gateway("b", model.GatewayServer{Port: 80, Protocol: model.HTTP, Hosts: []string{"b.web.test"}}, https(tlsOf, "b.web.test"))
	w.routed("a", "a.web.test", "v1")
	w.routed("b", "b.web.test", "v2")
	w.snap.Routes[0].Object.Name, w.snap.Routes[1].Object.Name = "a", "b"
	plane, _ := translatePlane(t, w.resourcesOf("edge"))
	plane.publish("first", w.resourcesOf("edge").Set())
	h1 := client(&http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.pool()}, DialContext: dialer(w.address(1) + ":8443")})
	h2 := w.edge(&tls.Config{RootCAs: ca.pool()})
	for host, who := range map[string]string{"a": "v1", "b": "v2"} {
		if a := do(t, h1, "GET https://"+host+".web.test/x"); a.echo.Who != who || a.ProtoMajor != 1 || a.echo.Headers.Get("x-forwarded-proto") != "https" {
			t.Errorf("%s by HTTP/1.1: %d %+v", host, a.StatusCode, a.echo)
		}
		if a := do(t, h2, "GET https://"+host+".web.test/x"); a.echo.Who != who || a.ProtoMajor != 2 {
			t.Errorf("%s by HTTP/2: %d %+v", host, a.StatusCode, a.echo)
		}
	}
	plain := client(&http.Transport{DialContext: dialer(w.address(1) + ":8080")})
	if a := do(t, plain, "GET http://a.web.test/x?y=1"); a.StatusCode != 301 || a.Header.Get("location") != "https://a.web.test/x?y=1" {
		t.Errorf("redirect: %d %s", a.StatusCode, a.Header.Get("location"))
	}
	if a := do(t, plain, "GET http://b.web.test/x"); a.echo.Who != "v2" {
		t.Errorf("plain: %d %+v", a.StatusCode, a.echo)
	}
	if got := outcome(h1, "https://a.web.test/", "b.web.test"); got != "404" {
		t.Errorf("another Gateway's host: %s", got)
	}
}

// TestGatewayEditsChangeListenersInPlace adds and removes servers: what is open
// stays open.
func TestGatewayEditsChangeListenersInPlace(t *testing.T) {
	w := gatewayWorld(t)
	ca := newAuthority(t, "ca")
	w.secret("web", ca.issue(10, "*.web.test"), nil, nil)
	tlsOf := &model.ServerTLS{Mode: model.TLSSimple, Credentials: []string{"web"}}
	w.gateway("a", https(tlsOf, "a.web.test"), model.GatewayServer{Port: 80, Protocol: model.HTTP, Hosts: []string{"a.web.test"}})
	for _, host := range []string{"a.web.test", "b.web.test"} {
		w.routed(host[:1], host, "v1")
	}
	plane, envoy := translatePlane(t, w.resourcesOf("edge"))
	plane.publish("first", w.resourcesOf("edge").Set())
	kept := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.pool()}, MaxConnsPerHost: 1, DialContext: dialer(w.address(1) + ":8443")}}
	reused := func(edit string) {
		t.Helper()
		again := false
		r, err := http.NewRequest("GET", "https://a.web.test/", nil)
		if err != nil {
			t.Fatal(err)
		}
		trace := &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { again = i.Reused }}
		res, err := kept.Do(r.WithContext(httptrace.WithClientTrace(context.Background(), trace)))
		if err != nil {
			t.Fatalf("%s: %v", edit, err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if res.StatusCode != 200 || again != (edit != "first") {
			t.Errorf("%s: %d, the connection was kept: %t", edit, res.StatusCode, again)
		}
	}
	reused("first")
	w.gateway("b", https(tlsOf, "b.web.test"), model.GatewayServer{Port: 80, Protocol: model.HTTP, Hosts: []string{"b.web.test"}})
	plane.publish("added", w.resourcesOf("edge").Set())
	if got := outcome(w.edge(&tls.Config{RootCAs: ca.pool()}), "https://b.web.test/"); got != "200 v1" {
		t.Errorf("the added server: %s", got)
	}
	reused("added")
	w.snap.Gateways = w.snap.Gateways[:1]
	plane.publish("removed", w.resourcesOf("edge").Set())
	if got := outcome(w.edge(&tls.Config{RootCAs: ca.pool()}), "https://b.web.test/"); got != "refused" {
		t.Errorf("the removed server: %s", got)
	}
	reused("removed")
	if n := serveStat(t, envoy, "listener_manager.total_listeners_draining"); n != "0" {
		t.Errorf("%s listeners drain", n)
	}
	if n := serveStat(t, envoy, "listener_manager.listener_in_place_updated"); n != "2" {
		t.Errorf("%s changes in place, want 2", n)
	}
}
