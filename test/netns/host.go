package netns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Host is a machine of a network.
type Host struct {
	Name     string
	Address  string // 10.77.0.N
	Address6 string // fd77::N

	t     testing.TB
	net   *Network
	space *space
}

// Do runs f on a thread of its own that is on the host's network: sockets that
// f itself makes are the host's. Goroutines that f starts are not there.
func (h *Host) Do(f func() error) error { return h.space.do(f) }

// Listen opens a TCP listener of the host; it closes with the test.
func (h *Host) Listen(address string) net.Listener {
	h.t.Helper()
	var l net.Listener
	err := h.Do(func() (err error) {
		l, err = net.Listen("tcp", address)
		return err
	})
	if err != nil {
		h.t.Fatalf("%s listens on %s: %v", h.Name, address, err)
	}
	h.t.Cleanup(func() { l.Close() })
	return l
}

// ListenPacket opens a UDP socket of the host; it closes with the test.
func (h *Host) ListenPacket(address string) net.PacketConn {
	h.t.Helper()
	var c net.PacketConn
	err := h.Do(func() (err error) {
		c, err = net.ListenPacket("udp", address)
		return err
	})
	if err != nil {
		h.t.Fatalf("%s listens on %s: %v", h.Name, address, err)
	}
	h.t.Cleanup(func() { c.Close() })
	return c
}

// Dial connects from the host. The address is an IP and a port: names are
// looked up by programs, which see the host's resolv.conf.
func (h *Host) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if net.ParseIP(host) == nil {
		return nil, fmt.Errorf("%s is no address: look names up with a program of the host", address)
	}
	var c net.Conn
	err = h.Do(func() (err error) {
		c, err = (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, network, address)
		return err
	})
	return c, err
}

// Client is an HTTP client of the host that keeps no connection.
func (h *Host) Client() *http.Client {
	return &http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{
		DialContext: h.Dial, DisableKeepAlives: true, Proxy: nil,
	}}
}

// SetFile puts a file of its own in place of an existing one, for the host's
// programs only: /etc/resolv.conf, /etc/hosts.
func (h *Host) SetFile(path, text string) {
	h.t.Helper()
	from := h.net.Share(h.Name+strings.ReplaceAll(path, "/", "-"), []byte(text))
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		h.t.Fatalf("the host %s: %v", h.Name, err)
	}
	h.mount(from, real)
}

// Program gives a path by which every user of the host may run a program that
// lies in somebody's own folder.
func (h *Host) Program(path string) string {
	h.t.Helper()
	to := filepath.Join(h.net.dir, h.Name+"-"+filepath.Base(path))
	if _, err := os.Stat(to); errors.Is(err, os.ErrNotExist) {
		h.net.Share(filepath.Base(to), nil)
		h.mount(path, to)
	}
	return to
}

func (h *Host) mount(from, to string) {
	h.t.Helper()
	err := h.space.on(func() error { return unix.Mount(from, to, "", unix.MS_BIND, "") })
	if err != nil {
		h.t.Fatalf("the host %s: mounting %s on %s: %v", h.Name, from, to, err)
	}
}

// Unplug takes the host from the network, and Plug brings it back.
func (h *Host) Unplug() { h.mustIP("link set eth0 down") }

// Plug brings an unplugged host back.
func (h *Host) Plug() {
	h.mustIP("link set eth0 up", "addr replace "+h.Address6+"/64 dev eth0 nodad",
		"route replace default via "+router, "-6 route replace default via "+route6)
}

// AddAddress gives the host another address ("10.77.0.99/24").
func (h *Host) AddAddress(cidr string) { h.mustIP("addr add " + cidr + " dev eth0") }

func (h *Host) mustIP(commands ...string) {
	h.t.Helper()
	if err := h.space.ip(commands...); err != nil {
		h.t.Fatalf("the host %s: %v", h.Name, err)
	}
}
