package envoy_test

import (
	"bufio"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/krater-mesh/krater/model"
)

// TestSidecarIngress serves the ports that a Sidecar declares, and no other:
// on an address of its own, to a unix socket, with TLS, within a pool.
func TestSidecarIngress(t *testing.T) {
	w := newWorld(t)
	dir, err := os.MkdirTemp("", "krater") // short: the path of a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "app.sock"))
	if err != nil {
		t.Fatal(err)
	}
	started, finish := make(chan bool, 10), make(chan bool)
	app := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			started <- true
			<-finish
		}
		rw.WriteHeader(204)
	})}}
	app.Start()
	t.Cleanup(app.Close)
	port := w.app("tcp-app", "127.0.0.1:0", nil)
	ca := newAuthority(t, "ca")
	p := ca.issue(1, "page.test")
	for name, b := range map[string][]byte{"c": p.Certificate, "k": p.Key, "ca": ca.PEM} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files := []model.CertificateFiles{{Certificate: filepath.Join(dir, "c"), PrivateKey: filepath.Join(dir, "k")}}
	w.snap.Sidecars = []*model.Sidecar{{Object: model.Ref{Kind: "Sidecar", Namespace: "default", Name: "s"},
		InboundPool: &model.ConnectionPool{MaxConnections: 1, MaxPendingRequests: 1},
		Ingress: []model.SidecarIngress{
			{Port: model.Port{Number: 9081, Name: "http", Protocol: model.HTTP}, Endpoint: "unix://" + filepath.Join(dir, "app.sock")},
			{Port: model.Port{Number: 9082, Name: "http", Protocol: model.HTTP}, Bind: w.address(7), Endpoint: port},
			{Port: model.Port{Number: 9083, Name: "https", Protocol: model.HTTPS}, Endpoint: port,
				TLS: &model.ServerTLS{Mode: model.TLSSimple, Certificates: files}},
			{Port: model.Port{Number: 9084, Name: "http", Protocol: model.HTTP}, Endpoint: port,
				TLS: &model.ServerTLS{Mode: model.TLSMutual, Certificates: files, CACertificates: filepath.Join(dir, "ca")}},
		}}}
	w.start("page-v1", noOptions, "")
	get := func(at string) string { return outcome(client(newTransport()), "http://"+at+"/") }
	if got := get(w.address(2) + ":9081"); got != "204" {
		t.Errorf("to a unix socket: %s", got)
	}
	if got := get(w.address(7) + ":9082"); got != "200 tcp-app" {
		t.Errorf("on another address: %s", got)
	}
	if got := get(w.address(2) + ":9080"); got != "refused" {
		t.Errorf("a port that the Sidecar does not declare: %s", got)
	}
	secure := func(port string, certificates ...tls.Certificate) string {
		tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.pool(), ServerName: "page.test", Certificates: certificates}}
		return outcome(client(tr), "https://"+w.address(2)+":"+port+"/")
	}
	if got := secure("9083"); got != "200 tcp-app" {
		t.Errorf("TLS: %s", got)
	}
	if got := secure("9084"); got != "refused" {
		t.Errorf("MUTUAL without a certificate: %s", got)
	}
	if got := secure("9084", ca.issue(2, "client").tls(t)); got != "200 tcp-app" {
		t.Errorf("MUTUAL: %s", got)
	}
	// One connection and one that waits: the third is refused.
	for range 2 {
		go outcome(client(newTransport()), "http://"+w.address(2)+":9081/slow")
	}
	select {
	case <-started:
	case <-time.After(5 * time.Second):
		t.Fatal("no request reaches the application")
	}
	deadline := time.Now().Add(5 * time.Second)
	for get(w.address(2)+":9081") != "503" {
		if time.Now().After(deadline) {
			t.Error("the pool has no bound")
			break
		}
	}
	close(finish)
}

// TestSidecarEgressListeners opens listeners for calls of clients that know no
// proxy: HTTP by Host, and TCP to the port's service.
func TestSidecarEgressListeners(t *testing.T) {
	w, _ := l4World(t)
	any := []model.HostScope{{Namespace: "*", Host: "*"}}
	w.snap.Sidecars = []*model.Sidecar{{Object: model.Ref{Kind: "Sidecar", Namespace: "default", Name: "s"},
		Egress: []model.SidecarEgress{
			{Port: &model.Port{Number: 9080, Name: "http", Protocol: model.HTTP}, Bind: w.address(30), Hosts: any},
			{Port: &model.Port{Number: 3306, Name: "tcp", Protocol: model.TCP}, Hosts: []model.HostScope{{Namespace: "*", Host: "two.default.svc.cluster.local"}}},
		}}}
	w.snap.Routes = []*model.RouteTable{routeTable("reviews", model.HTTPRoute{Name: "r", Destinations: []model.Destination{to("v3", 1)}})}
	plane, _ := translatePlane(t, w.resources())
	plane.publish("first", w.resources().Set())
	at := client(&http.Transport{DialContext: dialer(w.address(30) + ":9080")})
	for host, want := range map[string]string{"reviews": "200 v3", "reviews.default:9080": "200 v3", "nobody": "502"} {
		if got := outcome(at, "http://"+host+"/"); got != want {
			t.Errorf("%s: %s, want %s", host, got, want)
		}
	}
	c := mustDial(t, w.address(2)+":3306")
	if got := (talk{c, bufio.NewReader(c)}).line(); got != "two" {
		t.Errorf("TCP: %q", got)
	}
}
