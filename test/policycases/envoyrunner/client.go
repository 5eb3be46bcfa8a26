package envoyrunner

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"

	"github.com/krater-mesh/krater/policyd/rego"
	"github.com/krater-mesh/krater/test/policycases"
)

// Answer is all that a request brought about.
type Answer struct {
	Status   int
	Header   http.Header
	Body     string
	Upstream *Seen                  // nil: it did not reach the application
	Asked    []*authv3.CheckRequest // what policyd was asked; none: the proxy decided
	Shadowed []*authv3.CheckRequest // what it was asked for policies in shadow
}

// Client sends requests one after the other, over connections of its own that
// it keeps. Several clients may send at once.
type Client struct {
	r     *Runner
	wires map[string]wire
}

// wire is one connection.
type wire interface {
	exchange(r request) (*http.Response, string, error)
	close()
}

// request is what goes out.
type request struct {
	rego.Request
	trailers []rego.Header
}

// Client makes a client, which ends with the test.
func (r *Runner) Client() *Client {
	c := &Client{r: r, wires: map[string]wire{}}
	r.t.Cleanup(c.Close)
	return c
}

// Close ends its connections; it may send again.
func (c *Client) Close() {
	for key, w := range c.wires {
		w.close()
		delete(c.wires, key)
	}
}

// Send sends a request to a unit as it is, but for three headers: x-request-id
// where it has none, by which the runner finds what came of it; the claims'
// token, which the proxy takes off; and content-length where there is a body.
// It goes over HTTP/2 where its protocol says so, and over mutual TLS where it
// has a principal. A connection that broke is opened once more.
func (c *Client) Send(unit int, in policycases.Request) (Answer, error) {
	plain, err := in.Plain()
	if err != nil {
		return Answer{}, err
	}
	out, id, err := c.complete(plain, in)
	if err != nil {
		return Answer{}, err
	}
	key := fmt.Sprintf("%d %d %s %s %s %s", unit, plain.Target.Port, plain.Source.Address, plain.Source.Principal, in.SNI, plain.Protocol)
	for attempt := 0; ; attempt++ {
		a, err := c.try(key, unit, in.SNI, out)
		a.Upstream, a.Asked, a.Shadowed = c.r.app.take(id), c.r.policyd.take(id, false), c.r.policyd.take(id, true)
		if err == nil {
			return a, nil
		}
		if c.drop(key); attempt > 0 {
			return a, fmt.Errorf("sending %s %q: %w", plain.Method, plain.Path, err)
		}
	}
}

// complete adds the headers that the runner needs.
func (c *Client) complete(plain rego.Request, in policycases.Request) (out request, id string, err error) {
	out.Request = plain
	out.Headers = slices.Clone(plain.Headers)
	for _, h := range plain.Headers {
		if strings.EqualFold(h.Name, "x-request-id") {
			id = h.Value
		}
	}
	if id == "" {
		id = fmt.Sprintf("case-%d", c.r.sent.Add(1))
		out.Headers = append(out.Headers, rego.Header{Name: "x-request-id", Value: id})
	}
	if in.Claims != nil {
		token, err := c.r.tokens.sign(in.Claims)
		if err != nil {
			return out, id, err
		}
		out.Headers = append(out.Headers, rego.Header{Name: tokenHeader, Value: token})
	}
	trailers, err := policycases.Headers(in.Trailers)
	out.trailers = trailers
	return out, id, err
}

func (c *Client) drop(key string) {
	if w := c.wires[key]; w != nil {
		w.close()
		delete(c.wires, key)
	}
}

func (c *Client) try(key string, unit int, sni string, r request) (Answer, error) {
	w := c.wires[key]
	if w == nil {
		var err error
		if w, err = c.dial(unit, sni, r); err != nil {
			return Answer{}, err
		}
		c.wires[key] = w
	}
	res, body, err := w.exchange(r)
	if err != nil {
		return Answer{}, err
	}
	if res.Close || res.StatusCode == http.StatusBadRequest {
		c.drop(key)
	}
	return Answer{Status: res.StatusCode, Header: res.Header, Body: body}, nil
}

func (c *Client) dial(unit int, sni string, r request) (wire, error) {
	port := r.Target.Port
	if port == 0 {
		port = Port
	}
	dialer := net.Dialer{Timeout: 5 * time.Second}
	if ip := net.ParseIP(r.Source.Address); ip != nil {
		dialer.LocalAddr = &net.TCPAddr{IP: ip}
	}
	conn, err := dialer.Dial("tcp", net.JoinHostPort(c.r.address(unit), fmt.Sprint(port)))
	if err != nil {
		return nil, err
	}
	two := r.Protocol == "HTTP/2"
	if r.Source.Principal != "" {
		next := "http/1.1"
		if two {
			next = "h2"
		}
		conn = tls.Client(conn, &tls.Config{Certificates: []tls.Certificate{c.r.callers.certificate(r.Source.Principal)}, ServerName: sni,
			NextProtos: []string{"istio", next}, InsecureSkipVerify: true}) // whom we call is another test's
	}
	if two {
		return newHTTP2(conn)
	}
	return newHTTP1(conn), nil
}
