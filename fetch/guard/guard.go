// Package guard makes the HTTP clients that things are fetched by. What a
// server, a redirect or a DNS answer says leads to no address but those of the
// Internet, and to nothing without TLS, unless the mesh allows the host.
package guard

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/krater-mesh/krater/model"
)

// Refusal is why a connection was not made. Trying again changes nothing.
type Refusal struct{ reason string }

func (r *Refusal) Error() string { return r.reason }

func refuse(format string, args ...any) error { return &Refusal{fmt.Sprintf(format, args...)} }

// The bounds of a connection; a whole fetch is bounded by its context.
const (
	dialTimeout   = 10 * time.Second
	answerTimeout = 20 * time.Second
	maxHeaders    = 64 << 10
	maxRedirects  = 5
)

// Resolver looks hosts up; nil is the machine's. Tests have their own.
type Resolver = net.Resolver

// Options say what a client may reach.
type Options struct {
	Policy *model.FetchPolicy
	// Field of the Mesh has the policy: refusals name it.
	Field    string
	Resolver *Resolver // nil: the machine's
}

// NewClient gives a client for what a policy allows. Its Timeout is unset.
func NewClient(o Options) *http.Client {
	g := &guard{o: o, byHost: map[string]*http.Transport{}}
	g.usual = g.transport(nil)
	if o.Policy != nil {
		for _, h := range o.Policy.Hosts {
			if pool := x509.NewCertPool(); h.CA != "" && pool.AppendCertsFromPEM([]byte(h.CA)) {
				g.byHost[h.Host] = g.transport(pool)
			}
		}
	}
	return &http.Client{Transport: g, CheckRedirect: checkRedirect}
}

// guard is consulted for each request, those of redirects too, and again at
// each connection, with the address that is to be connected to.
type guard struct {
	o      Options
	usual  *http.Transport
	byHost map[string]*http.Transport // with an authority of their own
}

var _ http.RoundTripper = (*guard)(nil)

// transport has no proxy: behind one nobody could tell where a name leads. It
// decompresses nothing: what comes is what is counted.
func (g *guard) transport(authorities *x509.CertPool) *http.Transport {
	return &http.Transport{
		DialContext:            g.dial,
		TLSClientConfig:        &tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		TLSHandshakeTimeout:    dialTimeout,
		ResponseHeaderTimeout:  answerTimeout,
		MaxResponseHeaderBytes: maxHeaders,
		MaxIdleConnsPerHost:    2,
		IdleConnTimeout:        10 * time.Second,
	}
}

// RoundTrip implements http.RoundTripper.
func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	name := hostName(req.URL)
	h := g.o.Policy.HostNamed(name)
	switch {
	case req.URL.Scheme != "https" && req.URL.Scheme != "http":
		return nil, refuse("%s is not reached by %q", name, req.URL.Scheme)
	case req.URL.Scheme == "http" && (h == nil || !h.HTTP):
		return nil, refuse("%s is not reached without TLS: the mesh does not allow it (Mesh %s.hosts: http)", name, g.o.Field)
	case g.o.Policy != nil && g.o.Policy.OnlyHosts && h == nil:
		return nil, refuse("%s is not one of the mesh's hosts (Mesh %s.hosts)", name, g.o.Field)
	}
	if t := g.byHost[name]; t != nil {
		return t.RoundTrip(req)
	}
	return g.usual.RoundTrip(req)
}

// CloseIdleConnections is what http.Client calls by its own method's name.
func (g *guard) CloseIdleConnections() {
	g.usual.CloseIdleConnections()
	for _, t := range g.byHost {
		t.CloseIdleConnections()
	}
}

// hostName is a URL's host as policies have it.
func hostName(u *url.URL) string {
	host := strings.ToLower(u.Host)
	if p := u.Port(); p == "443" && u.Scheme == "https" || p == "80" && u.Scheme == "http" {
		host = strings.TrimSuffix(host, ":"+p)
	}
	return host
}

// dial connects, unless the address that a name led to is not to be reached.
// The check is made on the socket's own address: a name that leads elsewhere
// the second time is checked the second time.
func (g *guard) dial(ctx context.Context, network, address string) (net.Conn, error) {
	name, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	h := g.o.Policy.HostNamed(strings.ToLower(address))
	if h == nil && (port == "443" || port == "80") {
		if strings.Contains(name, ":") {
			h = g.o.Policy.HostNamed("[" + name + "]")
		} else {
			h = g.o.Policy.HostNamed(strings.ToLower(name))
		}
	}
	d := net.Dialer{Timeout: dialTimeout, Resolver: g.o.Resolver, ControlContext: func(_ context.Context, _, to string, _ syscall.RawConn) error {
		ip, err := netip.ParseAddrPort(to)
		if err != nil {
			return refuse("%s leads to %q, which is no address", name, to)
		}
		return g.check(name, ip.Addr(), h)
	}}
	return d.DialContext(ctx, network, address)
}

func checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) >= maxRedirects {
		return refuse("%s redirects more than %d times", hostName(via[0].URL), maxRedirects)
	}
	return nil
}

// Plain is an error without URLs: those that a server redirects to may hold
// what nobody else is to see.
func Plain(err error) error {
	var at *url.Error
	if !errors.As(err, &at) {
		return err
	}
	u, parseErr := url.Parse(at.URL)
	if parseErr != nil || u.Host == "" {
		return at.Err
	}
	return fmt.Errorf("asking %s: %w", u.Host, Plain(at.Err))
}
