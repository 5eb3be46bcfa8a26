package envoy_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/explain"
)

// rawRequest is a request as its bytes go out: no client mends it.
type rawRequest struct {
	Method, Target string // the request line's
	Host           string
	Headers        [][2]string
	Peer           string // the client's address
	Port           uint32 // the listener's
	URI            string // of the client's certificate; "": it comes in plain text
}

// text is what is sent.
func (r rawRequest) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.Method, r.Target, r.Host)
	for _, h := range r.Headers {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	return b.String() + "\r\n"
}

// String is the same for people.
func (r rawRequest) String() string {
	lines := strings.Split(strings.TrimRight(r.text(), "\r\n"), "\r\n")
	for i, line := range lines {
		lines[i] = fmt.Sprintf("  %q", line)
	}
	return fmt.Sprintf("from %s %s to port %d:\n%s", r.Peer, r.URI, r.Port, strings.Join(lines, "\n"))
}

// view is the request as RFC 9112 reads its bytes, before any proxy.
func (r rawRequest) view() explain.View {
	v := explain.View{Method: r.Method, Scheme: "http", Authority: r.Host, Path: r.Target, Peer: r.Peer, Port: r.Port, Headers: explain.Headers{},
		Principal: strings.TrimPrefix(r.URI, "spiffe://")}
	if scheme, rest, absolute := strings.Cut(r.Target, "://"); absolute && !strings.HasPrefix(r.Target, "/") {
		v.Scheme = strings.ToLower(scheme)
		i := strings.IndexAny(rest, "/?#")
		if i < 0 {
			rest, i = rest+"/", len(rest)
		}
		v.Authority, v.Path = rest[:i], rest[i:]
	}
	for _, h := range r.Headers {
		name := strings.ToLower(h[0])
		v.Headers[name] = append(v.Headers[name], strings.Trim(h[1], " \t"))
	}
	if _, told := v.Headers["x-forwarded-proto"]; r.URI != "" && !told {
		v.Scheme, v.Headers["x-forwarded-proto"] = "https", []string{"https"}
	}
	return v
}

// wires keeps one connection open for each client, its address and port.
type wires struct {
	to    string // the proxy's address
	conns map[string]*wire
	// certificate is the client's that has a URI; nil where none has.
	certificate func(uri string) tls.Certificate
}

type wire struct {
	net.Conn
	answers *bufio.Reader
}

func newWires(t *testing.T, to string) *wires {
	w := &wires{to: to, conns: map[string]*wire{}}
	t.Cleanup(func() {
		for _, c := range w.conns {
			_ = c.Close()
		}
	})
	return w
}

// send gives the answer, without a body.
func (w *wires) send(t *testing.T, r rawRequest) *http.Response {
	t.Helper()
	res, _ := w.exchange(t, r)
	return res
}

// exchange gives the answer and its body. A connection that broke while it
// was idle is opened once more.
func (w *wires) exchange(t *testing.T, r rawRequest) (*http.Response, []byte) {
	t.Helper()
	key := fmt.Sprintf("%s>%d %s", r.Peer, r.Port, r.URI)
	for attempt := 0; ; attempt++ {
		res, body, err := w.try(key, r)
		if err == nil {
			if res.Close || res.StatusCode == http.StatusBadRequest {
				w.drop(key)
			}
			return res, body
		}
		if w.drop(key); attempt > 0 {
			t.Fatalf("sending %s: %v", r, err)
		}
	}
}

func (w *wires) drop(key string) {
	if c := w.conns[key]; c != nil {
		_ = c.Close()
		delete(w.conns, key)
	}
}

func (w *wires) try(key string, r rawRequest) (*http.Response, []byte, error) {
	c := w.conns[key]
	if c == nil {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(r.Peer)}, Timeout: 5 * time.Second}
		conn, err := dialer.Dial("tcp", net.JoinHostPort(w.to, strconv.Itoa(int(r.Port))))
		if err != nil {
			return nil, nil, err
		}
		if r.URI != "" {
			conn = tls.Client(conn, &tls.Config{Certificates: []tls.Certificate{w.certificate(r.URI)},
				NextProtos: []string{"istio", "http/1.1"}, InsecureSkipVerify: true}) // whom we call is another test's
		}
		c = &wire{conn, bufio.NewReader(conn)}
		w.conns[key] = c
	}
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := c.Write([]byte(r.text())); err != nil {
		return nil, nil, err
	}
	res, err := http.ReadResponse(c.answers, &http.Request{Method: r.Method})
	if err != nil {
		return nil, nil, err
	}
	body, err := io.ReadAll(res.Body)
	return res, body, err
}

// serveRaw is an application that takes whatever a proxy sends on, and answers
// 200 with the header x-app.
func serveRaw(t *testing.T) (port uint32) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go answerRaw(conn)
		}
	}()
	return uint32(l.Addr().(*net.TCPAddr).Port)
}

func answerRaw(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		if line != "\r\n" {
			continue
		}
		if _, err := conn.Write([]byte("HTTP/1.1 200 OK\r\nx-app: raw\r\ncontent-length: 0\r\n\r\n")); err != nil {
			return
		}
	}
}
