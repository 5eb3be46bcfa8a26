package mtls_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
)

// callHTTP sends one request, and tells what became of it.
func (w *world) callHTTP(c client) string {
	transport := &http.Transport{DisableKeepAlives: true}
	target := fmt.Sprintf("http://server.shop:%d/", portHTTP)
	if c.Direct == "" {
		proxy := &url.URL{Scheme: "http", Host: w.address("client") + ":15001"}
		transport.Proxy = http.ProxyURL(proxy)
	} else {
		transport.DialContext = func(context.Context, string, string) (net.Conn, error) { return w.dial(c, portHTTP) }
	}
	res, err := (&http.Client{Transport: transport, Timeout: 5 * time.Second}).Get(target)
	if err != nil {
		return "refused"
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		return "refused"
	}
	outcome, _, _ := strings.Cut(string(body), " ")
	return outcome
}

// callTCP sends one line. The application cannot tell plain text from mutual
// TLS that its sidecar ended: the sidecar's count of handshakes does.
func (w *world) callTCP(c client) string {
	before := w.handshakes(portTCP)
	conn, err := w.connect(c)
	if err != nil {
		return "refused"
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := fmt.Fprintln(conn, "a line of text"); err != nil {
		return "refused"
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return "refused"
	}
	if line = strings.TrimSpace(line); line == "plain" && w.handshakes(portTCP) != before {
		return "mtls"
	}
	return line
}

// connect opens a connection to the TCP port: through the client's sidecar, or
// straight.
func (w *world) connect(c client) (net.Conn, error) {
	if c.Direct != "" {
		return w.dial(c, portTCP)
	}
	conn, err := net.DialTimeout("tcp", w.address("client")+":15001", 5*time.Second)
	if err != nil {
		return nil, err
	}
	target := fmt.Sprintf("server.shop:%d", portTCP)
	fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", target, target)
	in := bufio.NewReader(conn)
	res, err := http.ReadResponse(in, &http.Request{Method: http.MethodConnect})
	if err != nil || res.StatusCode != http.StatusOK {
		conn.Close()
		return nil, fmt.Errorf("CONNECT: %v, %w", res, err)
	}
	return &seen{Conn: conn, in: in}, nil
}

// dial opens a connection that no sidecar has made, from the client's address.
func (w *world) dial(c client, port int) (net.Conn, error) {
	d := net.Dialer{Timeout: 5 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(w.address("client"))}}
	conn, err := d.Dial("tcp", net.JoinHostPort(w.address("server"), fmt.Sprint(port)))
	if err != nil || c.Direct == "plain" {
		return conn, err
	}
	config := &tls.Config{InsecureSkipVerify: true} // the server is not what is tested
	if c.ALPN != "" {
		config.NextProtos = []string{c.ALPN}
	}
	if own := w.certificate(c.Direct); own != nil {
		config.Certificates = []tls.Certificate{*own}
	}
	return tls.Client(conn, config), nil
}

// certificate is what a client without a sidecar shows; nil: nothing.
func (w *world) certificate(kind string) *tls.Certificate {
	authority, id := w.mesh, "spiffe://cluster.local/ns/shop/sa/client"
	change := func(*x509.Certificate) {}
	switch kind {
	case "tls", "nobody":
		return nil
	case "member":
	case "strange authority":
		authority = w.strange(harness.TrustDomain)
	case "strange trust domain":
		authority, id = w.strange("evil.local"), "spiffe://evil.local/ns/shop/sa/client"
	case "other trust domain":
		id = "spiffe://evil.local/ns/shop/sa/client"
	case "alias":
		id = "spiffe://old.local/ns/shop/sa/client"
	case "expired":
		change = func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }
	case "early":
		change = func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }
	case "no identity":
		id = ""
	default:
		w.t.Fatalf("there is no client %q", kind)
	}
	m := authority.Issue(w.t, model.Workload{Namespace: "shop", Name: "client", ServiceAccount: "client"}, func(c *x509.Certificate) {
		if c.URIs = nil; id != "" {
			uri, _ := url.Parse(id)
			c.URIs = []*url.URL{uri}
		}
		change(c)
	})
	pair, err := tls.X509KeyPair(m.Chain, m.Key)
	if err != nil {
		w.t.Fatal(err)
	}
	return &pair
}

// strange is an authority that the mesh does not trust.
func (w *world) strange(trustDomain string) *harness.Authority {
	return harness.NewAuthority(w.t, trustDomain)
}
