package mtls_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"testing"
)

// application answers plain text and TLS on both of its ports, and tells how
// it was called: "tls" by TLS that it ended itself, "mtls" where its sidecar
// names the caller, else "plain".
type application struct{ http, tcp string } // ports of 127.0.0.1

func newApplication(t *testing.T, a *authority) *application {
	config := &tls.Config{Certificates: []tls.Certificate{a.issue("server.shop.svc.cluster.local")}, ClientAuth: tls.RequestClientCert}
	web := &queue{conns: make(chan net.Conn), done: make(chan struct{})}
	s := &http.Server{ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, encrypted := r.Context().Value(http.LocalAddrContextKey).(tlsAddr)
		switch {
		case encrypted:
			fmt.Fprint(w, "tls")
		case r.Header.Get("x-forwarded-client-cert") != "":
			fmt.Fprint(w, "mtls "+r.Header.Get("x-forwarded-client-cert"))
		default:
			fmt.Fprint(w, "plain")
		}
	})}
	go s.Serve(web)
	t.Cleanup(func() { s.Close() })
	out := &application{}
	out.http = listen(t, config, web.put)
	out.tcp = listen(t, config, func(c net.Conn) {
		defer c.Close()
		if _, err := bufio.NewReader(c).ReadString('\n'); err != nil {
			return
		}
		if _, encrypted := c.LocalAddr().(tlsAddr); encrypted {
			fmt.Fprintln(c, "tls")
			return
		}
		fmt.Fprintln(c, "plain")
	})
	return out
}

// tlsAddr marks a connection that the application decrypts.
type tlsAddr struct{ net.Addr }

// seen is a connection whose first byte was looked at.
type seen struct {
	net.Conn
	in        io.Reader
	encrypted bool
}

func (s *seen) Read(p []byte) (int, error) { return s.in.Read(p) }

func (s *seen) LocalAddr() net.Addr {
	if s.encrypted {
		return tlsAddr{s.Conn.LocalAddr()}
	}
	return s.Conn.LocalAddr()
}

func listen(t *testing.T, config *tls.Config, serve func(net.Conn)) (port string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
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
			go func() {
				in := bufio.NewReader(c)
				first, err := in.Peek(1)
				if err != nil {
					c.Close()
					return
				}
				one := &seen{Conn: c, in: in}
				if first[0] == 0x16 {
					inner := tls.Server(one, config)
					one = &seen{Conn: inner, in: inner, encrypted: true}
				}
				serve(one)
			}()
		}
	}()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

// queue is a listener of connections that come another way.
type queue struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

// Accept implements net.Listener.
func (q *queue) Accept() (net.Conn, error) {
	select {
	case c := <-q.conns:
		return c, nil
	case <-q.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (q *queue) Close() error { q.once.Do(func() { close(q.done) }); return nil }

// Addr implements net.Listener.
func (q *queue) Addr() net.Addr { return &net.TCPAddr{} }

func (q *queue) put(c net.Conn) {
	select {
	case q.conns <- c:
	case <-q.done:
		c.Close()
	}
}
