// Package netns makes machines for tests: hosts that are network namespaces,
// joined by a bridge, with addresses of IPv4 and IPv6. Programs run in them as
// any user. Nothing of it is seen outside, and nothing is left at the end.
package netns

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// The addresses of a network: hosts have 10.77.0.N and fd77::N.
const (
	Range  = "10.77.0.0/24"
	Range6 = "fd77::/64"
	router = "10.77.0.254"
	route6 = "fd77::fe"
)

// Network is a bridge that hosts are joined by.
type Network struct {
	t     testing.TB
	space *space
	hosts int
	dir   string // readable by everyone
}

// New makes a network without hosts.
func New(t testing.TB) *Network {
	t.Helper()
	s, err := newSpace()
	if err != nil {
		t.Fatalf("making a network namespace: %v", err)
	}
	t.Cleanup(s.close)
	n := &Network{t: t, space: s, dir: folder(t, 0, 0o755)}
	err = s.ip("link add br0 type bridge", "link set br0 up",
		"addr add "+router+"/24 dev br0", "addr add "+route6+"/64 dev br0 nodad")
	if err != nil {
		t.Fatalf("making a bridge: %v", err)
	}
	return n
}

// Host adds a machine. Its default route leads to the bridge, which forwards
// nothing: what no host answers is lost.
func (n *Network) Host(name string) *Host {
	n.t.Helper()
	n.hosts++
	s, err := newSpace()
	if err != nil {
		n.t.Fatalf("making the host %s: %v", name, err)
	}
	n.t.Cleanup(s.close)
	h := &Host{Name: name, t: n.t, net: n, space: s,
		Address: fmt.Sprintf("10.77.0.%d", n.hosts), Address6: fmt.Sprintf("fd77::%x", n.hosts)}
	port := fmt.Sprintf("port%d", n.hosts)
	err = n.space.ip("link add "+port+" type veth peer name eth0 netns "+s.path(), "link set "+port+" master br0 up")
	if err == nil {
		err = s.ip("addr add "+h.Address+"/24 dev eth0", "addr add "+h.Address6+"/64 dev eth0 nodad", "link set eth0 up",
			"route add default via "+router, "-6 route add default via "+route6)
	}
	if err != nil {
		n.t.Fatalf("joining the host %s: %v", name, err)
	}
	return h
}

// folder makes a folder with a short path, for sockets, that a user owns.
func folder(t testing.TB, uid int, mode os.FileMode) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "kn")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chown(dir, uid, uid); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, mode); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Dir makes a folder that one user owns and nobody else reads.
func (n *Network) Dir(uid int) string {
	n.t.Helper()
	return folder(n.t, uid, 0o700)
}

// Share writes a file that every user of every host reads, and gives its path.
func (n *Network) Share(name string, text []byte) string {
	n.t.Helper()
	path := filepath.Join(n.dir, name)
	if err := os.WriteFile(path, text, 0o644); err != nil {
		n.t.Fatal(err)
	}
	return path
}
