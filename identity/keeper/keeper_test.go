package keeper

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/krater-mesh/krater/identity"
	"github.com/krater-mesh/krater/identity/authority"
	"github.com/krater-mesh/krater/model"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

const trustDomain = "cluster.local"

// server is an authority that agents can reach.
type server struct {
	*authority.Authority
	t      *testing.T
	dir    string
	target string
	o      authority.Options
	stop   func()
}

func serve(t *testing.T, o authority.Options) *server {
	t.Helper()
	dir := t.TempDir()
	o.Dir, o.TrustDomain = filepath.Join(dir, "ca"), trustDomain
	s := &server{t: t, dir: dir, target: "unix:" + filepath.Join(dir, "s"), o: o}
	s.start()
	t.Cleanup(func() { s.stop() })
	return s
}

// start opens the authority's folder, again after a stop.
func (s *server) start() {
	s.t.Helper()
	a, err := authority.Open(s.o)
	if err != nil {
		s.t.Fatal(err)
	}
	s.Authority = a
	l, err := net.Listen("unix", filepath.Join(s.dir, "s"))
	if err != nil {
		s.t.Fatal(err)
	}
	g := grpc.NewServer(grpc.Creds(credentials.NewTLS(a.ServerTLS())))
	a.Register(g)
	done := make(chan struct{})
	go func() { defer close(done); g.Serve(l) }()
	s.stop = func() { g.Stop(); <-done; a.Close() }
}

// token writes one into a file.
func (s *server) token(g authority.Grant) string {
	s.t.Helper()
	text, _, err := s.Mint(g)
	if err != nil {
		s.t.Fatal(err)
	}
	file := filepath.Join(s.t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return file
}

// options of a keeper for shop/cart.
func (s *server) options() Options {
	return Options{
		Dir: filepath.Join(s.t.TempDir(), "agent"), Server: s.target, TrustDomain: trustDomain, Roots: s.Bundle().PEM(),
		TokenFile: s.token(authority.Grant{Workload: "shop/cart", ServiceAccount: "cart", Once: true}), RotateWithin: 50 * time.Millisecond,
	}
}

// run runs a keeper until the function that it gives is called.
func run(t *testing.T, o Options) (*Keeper, func()) {
	t.Helper()
	k, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); k.Run(ctx) }()
	stop := func() { cancel(); <-done }
	t.Cleanup(stop)
	return k, stop
}

// await waits until a credential is as wanted.
func await(t *testing.T, k *Keeper, what string, ok func(identity.Credential) bool) identity.Credential {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		changed := k.Changed()
		if c, have := k.Current(); have && ok(c) {
			return c
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("%s: not within 10 s (%v)", what, k.LastError())
		}
	}
}

func first(t *testing.T, k *Keeper) identity.Credential {
	t.Helper()
	return await(t, k, "the first certificate", func(identity.Credential) bool { return true })
}

func TestGetsOneByItsToken(t *testing.T) {
	s := serve(t, authority.Options{})
	k, _ := run(t, s.options())
	c := first(t, k)
	want := identity.Claims{Identity: model.Identity{TrustDomain: trustDomain, Namespace: "shop", ServiceAccount: "cart"}, Workload: "cart"}
	if c.Claims != want {
		t.Errorf("it is %v's", c.Claims)
	}
	if err := c.Check(time.Now()); err != nil {
		t.Error(err)
	}
}

func TestRenewsAtHalfOfItsTime(t *testing.T) {
	s := serve(t, authority.Options{MaxTTL: 2 * time.Second})
	k, _ := run(t, s.options())
	c := first(t, k)
	for range 3 {
		before := c
		c = await(t, k, "the renewed certificate", func(c identity.Credential) bool { return !c.Leaf().Equal(before.Leaf()) })
		if left := time.Until(before.Leaf().NotAfter); left < 300*time.Millisecond || left > 1300*time.Millisecond {
			t.Errorf("renewed %s before its end, of 2 s (certificates count whole seconds)", left)
		}
		if bytes.Equal(c.KeyPEM(), before.KeyPEM()) {
			t.Error("it is for the old key")
		}
	}
}
