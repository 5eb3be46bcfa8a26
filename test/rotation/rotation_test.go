package rotation_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/krater-mesh/krater/identity"
	"github.com/krater-mesh/krater/test/harness"
)

// TestRotationLosesNoRequest renews both certificates several times, and takes
// the mesh from one root to the next, while two sidecars call each other in
// five ways: not one call fails.
func TestRotationLosesNoRequest(t *testing.T) {
	w := newWorld(t, 8*time.Second)
	cart := w.workload("cart")
	application(t, cart)
	l := w.start(t)

	w.renewed("cart", 2)
	w.step("prepare", w.authority.Prepare)
	w.renewed("cart", 1)
	first := w.credential(w.workload("page")) // of the root that is to go
	w.step("promote", w.authority.Promote)
	promoted := time.Now()
	for _, name := range []string{"page", "cart"} {
		w.signedBy(name, w.authority.Bundle().Issuer)
	}
	if _, err := w.greet(cart.Address, first); err != nil {
		t.Errorf("what the old root signed is refused while it is trusted: %v", err)
	}
	if err := w.authority.Retire(false); err == nil {
		t.Error("the old root is retired while what it signed is good")
	}
	time.Sleep(time.Until(promoted.Add(w.ttl + time.Second))) // until all that it signed has ended
	w.step("retire", func() error { return w.authority.Retire(false) })
	w.renewed("cart", 1)
	l.end(t)

	current := w.credential(w.workload("page"))
	leaf, err := w.greet(cart.Address, current)
	if err != nil {
		t.Fatalf("a member is refused: %v", err)
	}
	if _, err := current.Bundle.Verify([]*x509.Certificate{leaf}, time.Now()); err != nil {
		t.Errorf("the server's certificate is not of the new root: %v", err)
	}
	if _, err := w.authority.Bundle().Verify(first.Chain, first.Leaf().NotAfter.Add(-time.Second)); err == nil {
		t.Error("the old root is trusted")
	}
	for name, e := range w.envoys {
		for _, stat := range []string{"listener_manager.listener_modified", "listener_manager.total_filter_chains_draining"} {
			if got := e.Stat(t, stat); got != "0" {
				t.Errorf("%s: %s is %s", name, stat, got)
			}
		}
	}
}

// TestARetiredRootIsOut: what a root signed that was retired by force is
// refused at the next connection, while the others go on.
func TestARetiredRootIsOut(t *testing.T) {
	w := newWorld(t, time.Minute)
	cart := w.workload("cart")
	application(t, cart)
	l := w.start(t)
	stolen := w.credential(w.workload("page"))
	if _, err := w.greet(cart.Address, stolen); err != nil {
		t.Fatal(err)
	}
	w.step("prepare", w.authority.Prepare)
	w.step("promote", w.authority.Promote)
	for _, name := range []string{"page", "cart"} {
		w.signedBy(name, w.authority.Bundle().Issuer)
	}
	w.step("retire by force", func() error { return w.authority.Retire(true) })
	harness.Until(t, time.Until(stolen.Leaf().NotAfter.Add(-5*time.Second)), "the stolen certificate to be refused", func() error {
		if _, err := w.greet(cart.Address, stolen); err == nil {
			return errors.New("it is let in")
		}
		return nil
	})
	l.more(t)
	l.end(t)
}

// start begins to call once a first call is answered.
func (w *world) start(t *testing.T) *load {
	t.Helper()
	proxy := net.JoinHostPort(w.workload("page").Address, "15001")
	first := &load{proxy: proxy}
	harness.Until(t, 30*time.Second, "a first answer", func() error {
		call, end, err := first.tcp(false)(t.Context())
		if err != nil {
			return err
		}
		defer end()
		return call(0)
	})
	return start(t, proxy)
}

// step does one of the rotation's steps.
func (w *world) step(name string, do func() error) {
	w.t.Helper()
	if err := do(); err != nil {
		w.t.Fatalf("%s: %v", name, err)
	}
	want := len(w.authority.Bundle().Roots)
	harness.Until(w.t, 5*time.Second, name+" to be known", func() error {
		for who, k := range w.keepers {
			if got := len(k.Bundle().Roots); got != want {
				return fmt.Errorf("%s knows %d roots, not %d", who, got, want)
			}
		}
		return nil
	})
}

// renewed waits until a workload's Envoy shows a new certificate, n times.
func (w *world) renewed(name string, n int) {
	w.t.Helper()
	for range n {
		before := w.shown(name)
		harness.Until(w.t, 2*w.ttl, name+"'s new certificate", func() error {
			if w.shown(name).Equal(before) {
				return errors.New("it shows the old one")
			}
			return nil
		})
	}
}

// signedBy waits until a workload has a certificate of an issuer.
func (w *world) signedBy(name, issuer string) {
	w.t.Helper()
	harness.Until(w.t, 10*time.Second, name+"'s certificate of the new root", func() error {
		c, ok := w.keepers[name].Current()
		if !ok || fmt.Sprintf("%x", c.Leaf().AuthorityKeyId) != issuer {
			return errors.New("it has one of the old root")
		}
		return nil
	})
}

// shown is the certificate that a workload's Envoy shows to a new caller.
func (w *world) shown(name string) *x509.Certificate {
	w.t.Helper()
	leaf, err := w.greet(w.workload(name).Address, w.credential(w.workload("page")))
	if err != nil {
		w.t.Fatalf("%s refuses a new caller: %v", name, err)
	}
	return leaf
}

// greet calls the TCP port past the caller's proxy.
func (w *world) greet(address string, by identity.Credential) (*x509.Certificate, error) {
	d := &tls.Dialer{NetDialer: &net.Dialer{Timeout: 5 * time.Second}, Config: &tls.Config{
		Certificates: []tls.Certificate{*by.TLS()}, NextProtos: []string{"istio"}, InsecureSkipVerify: true, // the tests look at it
	}}
	conn, err := d.DialContext(w.t.Context(), "tcp", net.JoinHostPort(address, "3306"))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(conn, "hello"); err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(conn, make([]byte, 5)); err != nil {
		return nil, err
	}
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0], nil
}
