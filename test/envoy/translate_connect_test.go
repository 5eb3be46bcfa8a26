package envoy_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/translate"
)

// connectWorld adds a TLS service, a TCP service whose server speaks first,
// and one whose client does.
func connectWorld(t *testing.T) (*world, *x509.CertPool) {
	w := newWorld(t)
	secure := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { fmt.Fprint(rw, "secure ", r.TLS.ServerName) }))
	l, err := net.Listen("tcp", w.address(9)+":8443")
	if err != nil {
		t.Fatal(err)
	}
	secure.Listener.Close()
	secure.Listener = l
	secure.StartTLS()
	t.Cleanup(secure.Close)
	pool := x509.NewCertPool()
	pool.AddCert(secure.Certificate())
	serveTCP(t, w.address(10)+":3306", func(c net.Conn) {
		fmt.Fprintf(c, "hello\n")
		line, _ := bufio.NewReader(c).ReadString('\n')
		fmt.Fprintf(c, "got %s", line)
	})
	for _, s := range []struct {
		name     string
		at       int
		port     model.Port
		local    uint32
		external bool
	}{
		{"example.com", 9, model.Port{Number: 443, Name: "https", Protocol: model.HTTPS, TargetPort: 8443}, 16001, true},
		{"mysql.default.svc.cluster.local", 10, model.Port{Number: 3306, Name: "mysql", Protocol: model.TCP}, 16002, false},
	} {
		service := model.Service{Host: s.name, Namespace: "default", Ports: []model.Port{s.port}, Resolution: model.ResolutionStatic,
			External: s.external, LocalPorts: map[uint32]uint32{s.port.Number: s.local}}
		if !s.external {
			service.Name = "mysql"
		}
		w.snap.Services = append(w.snap.Services, &service)
		w.eps = append(w.eps, &model.ServiceEndpoints{Service: service.Key(), Endpoints: []model.Endpoint{{Address: w.address(s.at), Health: model.Healthy, Weight: 1}}})
	}
	return w, pool
}

func serveTCP(t *testing.T, at string, handle func(net.Conn)) {
	t.Helper()
	l, err := net.Listen("tcp", at)
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
			go func() { defer c.Close(); handle(c) }()
		}
	}()
}

// dialThrough opens a tunnel, and gives the status where there is none.
func dialThrough(proxy, target string) (net.Conn, int, error) {
	c, err := net.DialTimeout("tcp", proxy, 5*time.Second)
	if err != nil {
		return nil, 0, err
	}
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprintf(c, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", target, target)
	r := bufio.NewReader(c)
	res, err := http.ReadResponse(r, &http.Request{Method: http.MethodConnect})
	if err != nil || res.StatusCode != http.StatusOK {
		c.Close()
		if err == nil {
			return nil, res.StatusCode, nil
		}
		return nil, 0, err
	}
	return tunnel{c, r}, http.StatusOK, nil
}

// tunnel keeps what was read ahead.
type tunnel struct {
	net.Conn
	r *bufio.Reader
}

func (t tunnel) Read(p []byte) (int, error) { return t.r.Read(p) }

// TestTranslateConnect opens tunnels through a real sidecar: HTTP/1.1 and h2c
// inside of them are routed as plain requests are, TLS and TCP reach the
// service that the tunnel was opened for.
func TestTranslateConnect(t *testing.T) {
	w, pool := connectWorld(t)
	w.snap.Routes = []*model.RouteTable{routeTable("reviews",
		model.HTTPRoute{Name: "jason", Matches: on(model.HTTPMatch{Headers: []model.HeaderMatch{{Name: "end-user", Match: model.StringMatch{Kind: model.Exact, Value: "jason"}}}}), Destinations: []model.Destination{to("v2", 1)}},
		model.HTTPRoute{Name: "rest", Destinations: []model.Destination{to("v1", 1)}})}
	w.start("page-v1", translate.Options{}, "")
	proxy := w.address(2) + ":15001"
	dial := func(target string) net.Conn {
		t.Helper()
		c, status, err := dialThrough(proxy, target)
		if err != nil || c == nil {
			t.Fatalf("CONNECT %s: status %d, %v", target, status, err)
		}
		return c
	}

	t.Run("HTTP/1.1", func(t *testing.T) {
		c := client(&http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return dial("reviews:9080"), nil }})
		for header, who := range map[string]string{"end-user: jason": "v2", "": "v1"} {
			if a := do(t, c, "GET http://reviews:9080/x", header); a.echo.Who != who || a.echo.From != w.address(2) {
				t.Errorf("%s: %+v, want %s", header, a.echo, who)
			}
		}
		// The Host inside decides, not the tunnel's.
		if a := do(t, c, "GET http://nobody:1/x"); a.StatusCode != 502 {
			t.Errorf("an unknown host inside a tunnel: %d", a.StatusCode)
		}
	})
	t.Run("h2c", func(t *testing.T) {
		c := &http.Client{Timeout: 10 * time.Second, Transport: &http2.Transport{AllowHTTP: true,
			DialTLSContext: func(context.Context, string, string, *tls.Config) (net.Conn, error) { return dial("reviews:9080"), nil }}}
		if a := do(t, c, "GET http://reviews:9080/x", "end-user: jason"); a.echo.Who != "v2" || a.ProtoMajor != 2 {
			t.Errorf("%+v by HTTP/%d", a.echo, a.ProtoMajor)
		}
	})
	t.Run("TLS", func(t *testing.T) {
		c := client(&http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: proxy}), TLSClientConfig: &tls.Config{RootCAs: pool}})
		if a := do(t, c, "GET https://example.com/x"); a.body != "secure example.com" {
			t.Errorf("%d %q", a.StatusCode, a.body)
		}
	})
	t.Run("TLS by server name", func(t *testing.T) {
		// The tunnel is for an HTTP port, what is inside is TLS for another service.
		c := client(&http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool},
			DialContext: func(context.Context, string, string) (net.Conn, error) { return dial("reviews:9080"), nil }})
		if a := do(t, c, "GET https://example.com/x"); a.body != "secure example.com" {
			t.Errorf("%d %q", a.StatusCode, a.body)
		}
	})
	t.Run("TCP, server first", func(t *testing.T) {
		talkTCP(t, dial("mysql:3306"))
		talkTCP(t, dial("mysql.default.svc.cluster.local:3306"))
	})
	t.Run("TCP on a local port", func(t *testing.T) {
		c, err := net.Dial("tcp", w.address(2)+":16002")
		if err != nil {
			t.Fatal(err)
		}
		talkTCP(t, c)
	})
	t.Run("unknown", func(t *testing.T) {
		if _, status, err := dialThrough(proxy, "nobody:443"); status != 502 || err != nil {
			t.Errorf("status %d, %v", status, err)
		}
	})
}

func talkTCP(t *testing.T, c net.Conn) {
	t.Helper()
	defer c.Close()
	r := bufio.NewReader(c)
	if line, err := r.ReadString('\n'); line != "hello\n" {
		t.Fatalf("%q, %v", line, err)
	}
	fmt.Fprintf(c, "ping\n")
	if rest, err := io.ReadAll(r); string(rest) != "got ping\n" {
		t.Errorf("%q, %v", rest, err)
	}
}
