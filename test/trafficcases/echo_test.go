package trafficcases_test

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/krater-mesh/krater/model"
)

// arrival is what one upstream saw of a request or a connection. It is also
// the body of the answer.
type arrival struct {
	At                              string // the address that was called
	ID                              string `json:",omitempty"` // x-case
	Method, Path, Authority, From   string `json:",omitempty"`
	Protocol, Body, SNI, ALPN, Peer string `json:",omitempty"`
	Headers                         http.Header
	Trailers                        http.Header `json:",omitempty"`
	attempt                         int
}

// upstreams answer at every address of the mesh's endpoints: HTTP/1.1, h2c,
// gRPC and WebSocket, TLS with any of them, and lines over TCP. They tell what
// they received, and do what the request's x-echo headers ask for.
type upstreams struct {
	t       *testing.T
	certs   *certs
	network string
	web     *fed
	// identities of the workloads, as their sidecars show them.
	identities *identities

	mu        sync.Mutex
	listeners map[string]net.Listener
	names     map[string]string // of workloads, by address
	workloads map[string]model.Workload
	seen      []arrival
	attempts  map[string]int
}

func newUpstreams(t *testing.T, c *certs, network string) *upstreams {
	u := &upstreams{t: t, certs: c, network: network, web: newFed(), identities: newIdentities(t), listeners: map[string]net.Listener{}, attempts: map[string]int{}}
	s := &http.Server{Handler: u, Protocols: new(http.Protocols), ErrorLog: quiet,
		ConnContext: func(ctx contextT, c net.Conn) contextT { return withConn(ctx, c) }}
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetUnencryptedHTTP2(true)
	go s.Serve(u.web)
	t.Cleanup(func() {
		u.serve(nil)
		s.Close()
	})
	return u
}

// serve answers at these addresses ("ip:port"), and at no other.
func (u *upstreams) serve(addresses []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for at, l := range u.listeners {
		if !slices.Contains(addresses, at) {
			l.Close()
			delete(u.listeners, at)
		}
	}
	for _, at := range addresses {
		if u.listeners[at] != nil {
			continue
		}
		l, err := net.Listen("tcp", at)
		if err != nil {
			u.t.Fatalf("an upstream at %s: %v", at, err)
		}
		u.listeners[at] = l
		go u.accept(l)
	}
}

func (u *upstreams) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go u.sniff(&sniffed{Conn: c, in: bufio.NewReader(c)})
	}
}

// mysql is a port whose server speaks first.
const mysql = "3306"

func (u *upstreams) sniff(c *sniffed) {
	if _, port, _ := net.SplitHostPort(c.LocalAddr().String()); port == mysql {
		fmt.Fprintln(c, "hello")
	}
	first, err := c.in.Peek(3)
	if err != nil {
		c.Close()
		return
	}
	switch {
	case first[0] == 0x16 && c.tls == nil:
		t := tls.Server(c, u.server(c.LocalAddr().String()))
		if err := t.Handshake(); err != nil {
			c.Close()
			return
		}
		state := t.ConnectionState()
		inner := &sniffed{Conn: t, in: bufio.NewReader(t), tls: &state, mutual: c.mutual}
		if sidecar := slices.ContainsFunc(state.PeerCertificates, isOfMesh); sidecar { // what is in it is the application's
			inner.tls, inner.mutual = nil, true
		}
		u.sniff(inner)
	case slices.Contains([]string{"GET", "POS", "PUT", "PRI", "HEA", "DEL", "OPT", "PAT", "CON", "TRA"}, string(first)):
		u.web.put(c)
	default:
		u.lines(c)
	}
}

// lines answers each line of a connection.
func (u *upstreams) lines(c *sniffed) {
	defer c.Close()
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return
		}
		id, body, _ := strings.Cut(strings.TrimSpace(line), " ")
		a := c.arrival()
		a.ID, a.Body, a.Protocol = id, body, "tcp"
		u.record(&a)
		if err := json.NewEncoder(c).Encode(a); err != nil {
			return
		}
	}
}

func (u *upstreams) record(a *arrival) {
	u.mu.Lock()
	defer u.mu.Unlock()
	key := a.ID + " " + strconv.FormatBool(strings.Contains(a.Authority, "-shadow"))
	u.attempts[key]++
	a.attempt = u.attempts[key]
	u.seen = append(u.seen, *a)
}

// forget makes room, and names the workloads of the next case.
func (u *upstreams) forget(names map[string]string, workloads []model.Workload) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.seen, u.attempts, u.names, u.workloads = nil, map[string]int{}, names, map[string]model.Workload{}
	for _, w := range workloads {
		u.workloads[w.Address] = w
	}
}

// server ends TLS as the application does or, where the client offers the
// mesh's ALPN, as the sidecar in front of it: with the workload's identity.
func (u *upstreams) server(at string) *tls.Config {
	config := u.certs.server()
	config.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		if !slices.Contains(h.SupportedProtos, "istio") {
			return nil, nil
		}
		host, _, _ := net.SplitHostPort(at)
		u.mu.Lock()
		w, known := u.workloads[host]
		u.mu.Unlock()
		if !known {
			return nil, fmt.Errorf("no workload is at %s", at)
		}
		own := u.identities.of(w)
		for _, proto := range h.SupportedProtos {
			if proto == "h2" || proto == "http/1.1" {
				own.NextProtos = []string{proto}
			}
		}
		return own, nil
	}
	return config
}

// of gives the arrivals of a request.
func (u *upstreams) of(prefix string) (out []arrival) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, a := range u.seen {
		if strings.HasPrefix(a.ID, prefix) {
			out = append(out, a)
		}
	}
	return out
}

// last is the latest arrival of a request where it was answered; copies are
// told by their authority.
func (u *upstreams) last(id, at string) (out arrival, ok bool) {
	for _, a := range u.of(id) {
		if (at == "" || a.At == at) && !strings.Contains(a.Authority, "-shadow") {
			out, ok = a, true
		}
	}
	return out, ok
}

// name is the workload at an address, or the address as cases have it.
func (u *upstreams) name(at string) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	if host, _, err := net.SplitHostPort(at); err == nil && u.names[host] != "" {
		return u.names[host]
	}
	return strings.Replace(at, u.network, "127.80.", 1)
}

// ServeHTTP implements http.Handler.
func (u *upstreams) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := connOf(r.Context()).arrival()
	a.ID, a.Method, a.Path, a.Authority, a.Headers, a.Protocol = r.Header.Get("x-case"), r.Method, r.RequestURI, r.Host, r.Header, r.Proto
	streams := strings.HasPrefix(r.Header.Get("content-type"), "application/grpc")
	upgrades := r.Header.Get("upgrade") == "websocket"
	if !streams && !upgrades {
		body, _ := io.ReadAll(r.Body)
		a.Body = string(body)
	}
	u.record(&a)
	w.Header().Set("x-echo-at", a.At)
	for _, line := range r.Header.Values("x-echo-header") {
		name, value, _ := strings.Cut(line, ":")
		w.Header().Add(name, strings.TrimSpace(value))
	}
	fails := r.Header.Get("x-echo-status")
	if times, err := strconv.Atoi(r.Header.Get("x-echo-times")); err == nil && a.attempt > times {
		fails = ""
	}
	if only := r.Header.Get("x-echo-only"); only != "" && only != u.name(a.At) {
		fails = ""
	}
	if d, err := time.ParseDuration(r.Header.Get("x-echo-delay")); err == nil {
		select {
		case <-time.After(d):
		case <-r.Context().Done():
			return
		}
	}
	switch {
	case fails == "reset":
		panic(http.ErrAbortHandler)
	case streams:
		u.stream(w, r, fails)
	case upgrades:
		upgrade(w, r)
	default:
		if status, err := strconv.Atoi(fails); err == nil {
			w.WriteHeader(status)
		}
		_ = json.NewEncoder(w).Encode(a)
	}
}

// stream answers each gRPC message with itself, then a status in trailers.
func (u *upstreams) stream(w http.ResponseWriter, r *http.Request, status string) {
	if status == "" {
		status = "0"
	}
	w.Header().Set("content-type", "application/grpc")
	w.Header().Set("trailer", "grpc-status, x-echo-trailer")
	_ = http.NewResponseController(w).Flush()
	for {
		m, err := readMessage(r.Body)
		if err != nil {
			break
		}
		if _, err := w.Write(asMessage(m)); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush()
	}
	w.Header().Set("grpc-status", status)
	w.Header().Set("x-echo-trailer", "last")
}

// upgrade answers a WebSocket with the bytes it sends.
func upgrade(w http.ResponseWriter, r *http.Request) {
	at := connOf(r.Context()).LocalAddr().String()
	c, both, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer c.Close()
	fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nx-echo-at: %s\r\nx-echo-path: %s\r\n\r\n", at, r.RequestURI)
	_, _ = io.Copy(c, both)
}
