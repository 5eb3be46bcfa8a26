package trafficcases_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"log"
	"net"
	"sync"
)

type contextT = context.Context

var quiet = log.New(io.Discard, "", 0)

// sniffed is a connection whose first bytes were looked at.
type sniffed struct {
	net.Conn
	in  *bufio.Reader
	tls *tls.ConnectionState // of the TLS around it; nil: plain
	// mutual: a sidecar sent it, by mutual TLS of the mesh.
	mutual bool
}

// Read implements net.Conn.
func (s *sniffed) Read(p []byte) (int, error) { return s.in.Read(p) }

// arrival tells what is known of a connection.
func (s *sniffed) arrival() arrival {
	a := arrival{At: s.LocalAddr().String()}
	a.From, _, _ = net.SplitHostPort(s.RemoteAddr().String())
	if s.tls != nil {
		a.SNI, a.ALPN = s.tls.ServerName, s.tls.NegotiatedProtocol
		for _, c := range s.tls.PeerCertificates[:min(1, len(s.tls.PeerCertificates))] {
			a.Peer = c.Subject.CommonName
		}
	}
	return a
}

type connKey struct{}

func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

func connOf(ctx context.Context) *sniffed { return ctx.Value(connKey{}).(*sniffed) }

// fed is a listener that takes its connections from a channel.
type fed struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newFed() *fed { return &fed{conns: make(chan net.Conn), done: make(chan struct{})} }

// put hands a connection over.
func (f *fed) put(c net.Conn) {
	select {
	case f.conns <- c:
	case <-f.done:
		c.Close()
	}
}

// Accept implements net.Listener.
func (f *fed) Accept() (net.Conn, error) {
	select {
	case c := <-f.conns:
		return c, nil
	case <-f.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (f *fed) Close() error { f.once.Do(func() { close(f.done) }); return nil }

// Addr implements net.Listener.
func (f *fed) Addr() net.Addr { return &net.TCPAddr{} }

// asMessage frames a gRPC message.
func asMessage(m []byte) []byte {
	out := make([]byte, 5, 5+len(m))
	binary.BigEndian.PutUint32(out[1:], uint32(len(m)))
	return append(out, m...)
}

var errMessage = errors.New("no plain gRPC message of a sane size")

func readMessage(r io.Reader) ([]byte, error) {
	head := make([]byte, 5)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if head[0] != 0 || n > 1<<20 {
		return nil, errMessage
	}
	m := make([]byte, n)
	_, err := io.ReadFull(r, m)
	return m, err
}
