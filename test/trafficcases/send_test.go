package trafficcases_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http2"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/trafficcases"
	"github.com/krater-mesh/krater/xds/translate"
)

// patience is how long an answer may take.
const patience = 10 * time.Second

// answer is what a caller got.
type answer struct {
	err      error
	status   int
	headers  http.Header
	trailers http.Header
	body     string
	at       string // the upstream that answered, by its own word
	took     time.Duration
	peerName string // of TLS to the proxy or through it
	protocol string
	messages []string
}

// caller sends one request of a case, once or many times over one connection.
type caller struct {
	w       *world
	snap    *model.Snapshot
	from    model.Workload
	r       trafficcases.Request
	method  string
	url     *url.URL
	headers [][2]string
	conn    *sniffed
	h2      *http2.ClientConn
	peer    tls.ConnectionState
}

func newCaller(w *world, snap *model.Snapshot, from model.Workload, r trafficcases.Request) (*caller, error) {
	method, target, _ := strings.Cut(w.local(r.Send), " ")
	if strings.Contains(method, "://") {
		method, target = "CONNECT", method
	}
	u, err := url.Parse(target)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("send %q: want METHOD URL", r.Send)
	}
	c := &caller{w: w, snap: snap, from: from, r: r, method: method, url: u}
	c.headers, err = r.Headers.Lines()
	for i := range c.headers {
		c.headers[i][1] = w.local(c.headers[i][1])
	}
	return c, err
}

// port is the port that the URL means.
func (c *caller) port() string {
	if p := c.url.Port(); p != "" {
		return p
	}
	if c.encrypted() {
		return "443"
	}
	return "80"
}

func (c *caller) encrypted() bool {
	return c.url.Scheme == "https" || c.url.Scheme == "tls" || c.url.Scheme == "wss"
}
func (c *caller) raw() bool { return c.url.Scheme == "tcp" || c.url.Scheme == "tls" }

// tunnels tells whether the request goes through a CONNECT.
func (c *caller) tunnels() bool {
	return !c.from.Gateway && (c.r.Via == "connect" || c.r.Via == "" && (c.raw() || c.encrypted()))
}

// absolute tells whether the proxy is told the whole URL.
func (c *caller) absolute() bool { return !c.from.Gateway && c.r.Via == "" && !c.tunnels() }

// address is where the connection is opened to.
func (c *caller) address() (string, error) {
	port, _ := strconv.ParseUint(c.port(), 10, 16)
	switch {
	case c.from.Gateway:
		for _, p := range c.from.Ports {
			if p.Number == uint32(port) {
				return fmt.Sprintf("%s:%d", c.from.Address, p.AppPort), nil
			}
		}
		return "", fmt.Errorf("the gateway %s has no port %d", c.from.Name, port)
	case c.r.Via == "inbound":
		return net.JoinHostPort(c.from.Address, c.port()), nil
	case c.r.Via == "local":
		for _, s := range c.snap.Services {
			if local := s.LocalPorts[uint32(port)]; local != 0 && (s.Host == c.url.Hostname() || s.Name == c.url.Hostname()) {
				return fmt.Sprintf("%s:%d", c.from.Address, local), nil
			}
		}
		return "", fmt.Errorf("no local port stands for %s", c.url.Host)
	}
	return fmt.Sprintf("%s:%d", c.from.Address, translate.OutboundPort), nil
}

// open makes the connection, the tunnel in it, and TLS in that.
func (c *caller) open() error {
	to, err := c.address()
	if err != nil {
		return err
	}
	d := net.Dialer{Timeout: patience}
	if c.r.Source != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(c.w.local(c.r.Source))}
	}
	conn, err := d.Dial("tcp", to)
	if err != nil {
		return err
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	c.conn = &sniffed{Conn: conn, in: bufio.NewReader(conn)}
	if c.tunnels() {
		target := net.JoinHostPort(c.url.Hostname(), c.port())
		fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", target, target)
		res, err := http.ReadResponse(c.conn.in, &http.Request{Method: http.MethodConnect})
		if err != nil {
			return err
		}
		if res.StatusCode != http.StatusOK {
			return refusedTunnel{res}
		}
	}
	if !c.encrypted() {
		return nil
	}
	secure := tls.Client(c.conn, c.tls())
	if err := secure.Handshake(); err != nil {
		return err
	}
	c.peer = secure.ConnectionState()
	c.conn = &sniffed{Conn: secure, in: bufio.NewReader(secure)}
	return nil
}

// refusedTunnel is a CONNECT that was answered with another status.
type refusedTunnel struct{ *http.Response }

// Error implements error.
func (r refusedTunnel) Error() string { return "CONNECT: " + r.Status }

func (c *caller) close() {
	if c.conn != nil {
		c.conn.Close()
	}
	c.conn, c.h2 = nil, nil
}

// send sends the request once; id names it upstream.
func (c *caller) send(id string) (a answer) {
	begin := time.Now()
	for attempt := range 2 {
		idle := c.conn != nil
		if a = c.once(id); a.err == nil || !idle || attempt > 0 {
			break
		}
		c.close() // it broke while it was idle
	}
	a.took = time.Since(begin)
	if a.at == "" {
		var got arrival
		_ = json.Unmarshal([]byte(a.body), &got)
		a.at = got.At
	}
	return a
}

func (c *caller) once(id string) answer {
	if c.conn == nil {
		err := c.open()
		var refused refusedTunnel
		if errors.As(err, &refused) {
			c.close()
			return answer{status: refused.StatusCode, headers: refused.Header}
		}
		if err != nil {
			c.close()
			return answer{err: err}
		}
	}
	_ = c.conn.SetDeadline(time.Now().Add(patience))
	var a answer
	switch {
	case c.raw():
		a = c.line(id)
	case c.method == "WEBSOCKET":
		a = c.webSocket(id)
	case c.method == "GRPC" || c.r.HTTP2:
		a = c.http2(id)
	default:
		a = c.http1(id)
	}
	a.protocol = c.peer.NegotiatedProtocol
	if len(c.peer.PeerCertificates) > 0 {
		a.peerName = strings.Join(c.peer.PeerCertificates[0].DNSNames, " ")
	}
	if a.err != nil || c.raw() || a.headers.Get("connection") == "close" || a.status == 101 {
		c.close()
	}
	return a
}

// line sends one line over TCP, and reads one.
func (c *caller) line(id string) answer {
	fmt.Fprintf(c.conn, "%s %s\n", id, c.r.Body)
	var greeting string
	for {
		text, err := c.conn.in.ReadString('\n')
		if err != nil {
			return answer{err: err}
		}
		if strings.HasPrefix(text, "{") {
			return answer{status: 200, body: greeting + text, at: jsonAt(text)}
		}
		greeting += text
	}
}

func jsonAt(text string) string {
	var got arrival
	_ = json.Unmarshal([]byte(text), &got)
	return got.At
}

// head writes the request's head as its bytes go out: no client mends it.
func (c *caller) head(id string, more ...[2]string) string {
	var b strings.Builder
	target, host := c.url.RequestURI(), c.url.Host
	if c.absolute() {
		target = c.url.Scheme + "://" + c.url.Host + target
	}
	method := c.method
	if method == "WEBSOCKET" {
		method = "GET"
	}
	lines := append(append([][2]string{{"x-case", id}}, more...), c.headers...)
	for _, h := range c.headers {
		if strings.EqualFold(h[0], "host") {
			host = h[1]
		}
	}
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nhost: %s\r\n", method, target, host)
	for _, h := range lines {
		if !strings.EqualFold(h[0], "host") {
			fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
		}
	}
	return b.String() + "\r\n"
}

func (c *caller) http1(id string) answer {
	var more [][2]string
	if c.r.Body != "" || c.method == "POST" {
		more = append(more, [2]string{"content-length", strconv.Itoa(len(c.r.Body))})
	}
	if _, err := io.WriteString(c.conn, c.head(id, more...)+c.r.Body); err != nil {
		return answer{err: err}
	}
	return read(http.ReadResponse(c.conn.in, &http.Request{Method: c.method}))
}

// read takes an answer whole.
func read(res *http.Response, err error) answer {
	if err != nil {
		return answer{err: err}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	a := answer{err: err, status: res.StatusCode, headers: res.Header, trailers: res.Trailer, body: string(body), at: res.Header.Get("x-echo-at")}
	if res.Close {
		a.headers.Set("connection", "close")
	}
	return a
}

func (c *caller) webSocket(id string) answer {
	head := c.head(id, [2]string{"connection", "Upgrade"}, [2]string{"upgrade", "websocket"})
	if _, err := io.WriteString(c.conn, head); err != nil {
		return answer{err: err}
	}
	res, err := http.ReadResponse(c.conn.in, &http.Request{Method: http.MethodGet})
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		return read(res, err)
	}
	a := answer{status: res.StatusCode, headers: res.Header, at: res.Header.Get("x-echo-at")}
	if _, a.err = io.WriteString(c.conn, c.r.Body); a.err != nil {
		return a
	}
	back := make([]byte, len(c.r.Body))
	_, a.err = io.ReadFull(c.conn.in, back)
	a.body = string(back)
	return a
}

func (c *caller) tls() *tls.Config {
	want := c.r.TLS
	if want == nil {
		want = &trafficcases.TLS{}
	}
	out := &tls.Config{InsecureSkipVerify: true, ServerName: c.url.Hostname(), NextProtos: want.ALPN, MinVersion: tls.VersionTLS10}
	switch {
	case want.SNI == "none":
		out.ServerName = ""
	case want.SNI != "":
		out.ServerName = want.SNI
	}
	if want.Cert != "" {
		// Not Certificates: of those only one that the server knows is sent.
		out.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return c.w.certs.get(want.Cert), nil }
	}
	versions := map[string]uint16{"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}
	if want.Min != "" {
		out.MinVersion = versions[want.Min]
	}
	out.MaxVersion = versions[want.Max]
	return out
}

// http2 sends a request, or a gRPC call, as HTTP/2.
func (c *caller) http2(id string) answer {
	if c.h2 == nil {
		h2, err := (&http2.Transport{AllowHTTP: true, DisableCompression: true}).NewClientConn(c.conn)
		if err != nil {
			return answer{err: err}
		}
		c.h2 = h2
	}
	method, body := c.method, []byte(c.r.Body)
	if method == "GRPC" {
		method, body = http.MethodPost, nil
		for _, m := range c.r.Messages {
			body = append(body, asMessage([]byte(m))...)
		}
	}
	r, err := http.NewRequest(method, c.url.String(), bytes.NewReader(body))
	if err != nil {
		return answer{err: err}
	}
	r.Header.Set("x-case", id)
	if c.method == "GRPC" {
		r.Header.Set("content-type", "application/grpc")
		r.Header.Set("te", "trailers")
	}
	for _, h := range c.headers {
		if strings.EqualFold(h[0], "host") {
			r.Host = h[1]
		} else {
			r.Header.Add(h[0], h[1])
		}
	}
	a := read(c.h2.RoundTrip(r))
	for in := strings.NewReader(a.body); c.method == "GRPC" && a.err == nil; {
		m, err := readMessage(in)
		if err != nil {
			break
		}
		a.messages = append(a.messages, string(m))
	}
	return a
}
