package authority

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/identity"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestAToken(t *testing.T) {
	for _, network := range []string{"unix", "tcp"} {
		s := serveOn(t, network, Options{})
		answer, err := s.ask(call{token: s.mint(Grant{Workload: "shop/cart-v1", ServiceAccount: "cart"})})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.holder(answer); got != workload("shop", "cart-v1", "cart") {
			t.Errorf("%s: it is %v's", network, got)
		}
		if len(answer) != 2 || answer[1] != string(s.Bundle().PEM()) {
			t.Errorf("%s: the last of %d is not the bundle", network, len(answer))
		}
	}
}

func TestNobody(t *testing.T) {
	s := serveOn(t, "tcp", Options{})
	for _, c := range []call{{}, {token: "hello"}, {token: "a.b.c"}, {header: []string{"Basic YTpi"}}, {header: []string{"Bearer"}},
		{token: s.mint(Grant{Workload: "a/b"}), header: []string{"Bearer x"}}} {
		_, err := s.ask(c)
		r := s.refusedAs(err, codes.Unauthenticated, NotAuthenticated, c)
		if r.Asker != "nobody" || !strings.HasPrefix(r.Address, "127.0.0.1:") {
			t.Errorf("%+v", r)
		}
	}
}

// TestAStolenTokenNamesNobodyElse: who has it can be its workload, no other.
func TestAStolenTokenNamesNobodyElse(t *testing.T) {
	var told []Refusal
	s := serveOn(t, "unix", Options{Observe: func(r Refusal) { told = append(told, r) }})
	token := s.mint(Grant{Workload: "shop/cart-v1", ServiceAccount: "cart"})
	for _, c := range []call{
		{token: token, csr: csr(t, p256(t), func(r *x509.CertificateRequest) { r.URIs = uris(t, "spiffe://cluster.local/ns/bank/sa/vault") })},
		{token: token, csr: csr(t, p256(t), func(r *x509.CertificateRequest) { r.DNSNames = []string{"vault.bank.workload.cluster.local"} })},
	} {
		_, err := s.ask(c)
		r := s.refusedAs(err, codes.PermissionDenied, OtherIdentity, c)
		if r.Asker != "workload:shop/cart-v1" || !strings.Contains(r.Wanted, "bank") {
			t.Errorf("%+v does not say who asked for whom", r)
		}
	}
	if len(told) != 2 {
		t.Errorf("%d refusals were told, want 2", len(told))
	}
	// An address in the metadata names nobody either.
	answer, err := s.ask(call{token: token, address: "10.0.0.7"})
	if err != nil || s.holder(answer) != workload("shop", "cart-v1", "cart") {
		t.Errorf("%v", err)
	}
}

func TestOnce(t *testing.T) {
	dir := t.TempDir()
	s := serveOn(t, "unix", Options{Dir: dir})
	token := s.mint(Grant{Workload: "shop/cart", Once: true})
	bad := call{token: token, csr: csr(t, p256(t), func(r *x509.CertificateRequest) { r.DNSNames = []string{"x"} })}
	if _, err := s.ask(bad); err == nil {
		t.Fatal("a bad CSR was signed")
	}
	first := call{token: token, csr: csr(t, p256(t), nil)}
	if _, err := s.ask(first); err != nil {
		t.Fatalf("a refused CSR used the token up: %v", err)
	}
	if _, err := s.ask(first); err != nil {
		t.Errorf("the same key may ask again, its answer may be lost: %v", err)
	}
	second := call{token: token}
	_, err := s.ask(second)
	s.refusedAs(err, codes.PermissionDenied, TokenUsed, second)

	s.Close()
	again := serveOn(t, "unix", Options{Dir: dir})
	_, err = again.ask(second)
	again.refusedAs(err, codes.PermissionDenied, TokenUsed, second)
}

func TestRenewal(t *testing.T) {
	s := serveOn(t, "unix", Options{})
	cart := workload("shop", "cart-v1", "cart")
	answer, err := s.ask(call{as: s.issue(cart)})
	if err != nil || s.holder(answer) != cart {
		t.Fatal(err)
	}
	other := call{as: s.issue(cart), csr: csr(t, p256(t), func(r *x509.CertificateRequest) { r.URIs = uris(t, "spiffe://cluster.local/ns/shop/sa/admin") })}
	_, err = s.ask(other)
	if r := s.refusedAs(err, codes.PermissionDenied, OtherIdentity, other); !strings.Contains(r.Asker, "ns/shop/sa/cart shop/cart-v1") {
		t.Errorf("%+v", r)
	}
	both := call{as: s.issue(workload("shop", "cart-v2", "cart")), token: s.mint(Grant{Workload: "shop/cart-v1", ServiceAccount: "cart"})}
	_, err = s.ask(both)
	s.refusedAs(err, codes.Unauthenticated, NotAuthenticated, both)
	both.as = s.issue(cart)
	if _, err = s.ask(both); err != nil {
		t.Errorf("token and certificate agree: %v", err)
	}
}

// TestCertificatesThatAreNoGood never get through the handshake.
func TestCertificatesThatAreNoGood(t *testing.T) {
	now := newClock()
	now.set(time.Now())
	s := serveOn(t, "unix", Options{Clock: now.Now})
	foreign := open(t, Options{})
	cart := workload("shop", "cart", "cart")
	alien := cart
	alien.TrustDomain = "other.example"
	var early, late, old *identity.Credential
	at := func(d time.Duration) *identity.Credential {
		real := now.Now()
		defer func() { now.set(real) }()
		now.set(now.Now().Add(d))
		return s.issue(cart)
	}
	early, late, old = at(time.Hour), at(-25*time.Hour), at(-23*time.Hour)
	stranger, err := foreign.Issue(cart, 0)
	if err != nil {
		t.Fatal(err)
	}
	fewer := *s.issue(cart)
	fewer.Key = s.issue(cart).Key
	for name, c := range map[string]*identity.Credential{
		"not yet valid": early, "expired": late, "another trust domain": s.issue(alien), "another authority": &stranger, "another key": &fewer,
	} {
		if _, err := s.ask(call{as: c}); err == nil {
			t.Errorf("%s: it was renewed", name)
		}
	}
	if _, err := s.ask(call{as: old}); err != nil {
		t.Errorf("an hour before its end: %v", err)
	}
	// A connection does not keep a certificate alive.
	conn := s.connect(old)
	defer conn.Close()
	if _, err := s.askOn(conn, call{}); err != nil {
		t.Fatal(err)
	}
	now.set(now.Now().Add(2 * time.Hour))
	_, err = s.askOn(conn, call{})
	s.refusedAs(err, codes.Unauthenticated, NotAuthenticated, call{})
}

// TestNobodyBecomesTheControlPlane, not even who has a token for that.
func TestNobodyBecomesTheControlPlane(t *testing.T) {
	s := serveOn(t, "unix", Options{})
	for _, name := range []string{identity.ControlPlane, "another"} {
		c := call{token: s.mint(Grant{Workload: identity.SystemNamespace + "/" + name, ServiceAccount: identity.ControlPlane})}
		_, err := s.ask(c)
		s.refusedAs(err, codes.PermissionDenied, NotPermitted, c)
	}
	if _, err := s.ask(call{token: s.mint(Grant{Workload: identity.SystemNamespace + "/policyd", ServiceAccount: identity.Policyd})}); err != nil {
		t.Errorf("policyd: %v", err)
	}
}

func TestGroups(t *testing.T) {
	s := serveOn(t, "unix", Options{})
	token := s.mint(Grant{Group: "shop/db", ServiceAccount: "db"})
	k := p256(t)
	member := call{token: token, csr: csr(t, k, nil), address: "10.0.0.7"}
	answer, err := s.ask(member)
	if err != nil || s.holder(answer) != workload("shop", "db-10-0-0-7", "db") {
		t.Fatalf("%v", err)
	}
	if _, err := s.ask(member); err != nil {
		t.Errorf("the same machine again: %v", err)
	}
	thief := call{token: token, address: "10.0.0.7"}
	_, err = s.ask(thief)
	s.refusedAs(err, codes.AlreadyExists, NameTaken, thief)
	for _, address := range []string{"", "db", "10.0.0.7/8", "fe80::1%eth0", "10.0.0.7.evil"} {
		c := call{token: token, address: address}
		_, err = s.ask(c)
		s.refusedAs(err, codes.Unauthenticated, NotAuthenticated, c)
	}
	if answer, err := s.ask(call{token: token, address: "2001:db8::1"}); err != nil || s.holder(answer).Workload != "db-2001-0db8-0000-0000-0000-0000-0000-0001" {
		t.Errorf("%v", err)
	}
	// A renewal takes the name along to the new key, and a freed name is free.
	if _, err := s.ask(call{as: s.issue(workload("shop", "db-10-0-0-7", "db")), csr: csr(t, p256(t), nil)}); err != nil {
		t.Fatal(err)
	}
	_, err = s.ask(member)
	s.refusedAs(err, codes.AlreadyExists, NameTaken, member)
	if err := s.Free("shop", "db-10-0-0-7"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ask(thief); err != nil {
		t.Errorf("the name is free: %v", err)
	}
}

func TestPermit(t *testing.T) {
	var seen []Request
	s := serveOn(t, "unix", Options{Permit: func(r Request) error {
		seen = append(seen, r)
		if r.Claims.Workload == "gone" {
			return fmt.Errorf("the mesh has no %s", r.Claims.ID())
		}
		return nil
	}})
	c := call{token: s.mint(Grant{Workload: "shop/gone", Once: true})}
	_, err := s.ask(c)
	s.refusedAs(err, codes.PermissionDenied, NotPermitted, c)
	if _, err := s.ask(call{as: s.issue(workload("shop", "gone", "default"))}); status.Code(err) != codes.PermissionDenied {
		t.Errorf("it was renewed: %v", err)
	}
	if _, err := s.ask(call{token: s.mint(Grant{Group: "shop/db"}), address: "10.0.0.7"}); err != nil {
		t.Error(err)
	}
	if len(seen) != 3 || seen[0].Renewal || !seen[1].Renewal || seen[2].Group != "shop/db" {
		t.Errorf("asked for %+v", seen)
	}
}

// TestLimits: one workload cannot exhaust the authority, nor what others may
// have of it.
func TestLimits(t *testing.T) {
	now := newClock()
	now.set(time.Now())
	s := serveOn(t, "tcp", Options{Clock: now.Now})
	greedy, other := s.mint(Grant{Workload: "shop/greedy"}), s.mint(Grant{Workload: "shop/other"})
	var err error
	got := 0
	for ; got < 100 && err == nil; got++ {
		_, err = s.ask(call{token: greedy})
	}
	s.refusedAs(err, codes.ResourceExhausted, TooOften, call{token: greedy})
	if got-1 != int(rateWorkload.burst) {
		t.Errorf("%d certificates at once, want %v", got-1, rateWorkload.burst)
	}
	if _, err := s.ask(call{token: other}); err != nil {
		t.Errorf("another workload: %v", err)
	}
	now.set(now.Now().Add(rateWorkload.every))
	if _, err := s.ask(call{token: greedy}); err != nil {
		t.Errorf("after a while: %v", err)
	}
	// Who fails and fails on one connection is not listened to for a while.
	conn := s.connect(nil)
	defer conn.Close()
	before := len(s.Refusals())
	for range 200 {
		if _, err := s.askOn(conn, call{token: "a.b.c"}); err == nil {
			t.Fatal("it got a certificate")
		}
	}
	if told := len(s.Refusals()) - before; told != int(rateRefused.burst) {
		t.Errorf("%d refusals were told of 200, want %v", told, rateRefused.burst)
	}
}

func TestSizes(t *testing.T) {
	s := serveOn(t, "unix", Options{})
	token := s.mint(Grant{Workload: "shop/cart"})
	for _, c := range []call{
		{token: token, csr: []byte(strings.Repeat("x", maxCSR+1))},
		{token: token, address: strings.Repeat("1", maxRequest)},
		{token: token, seconds: -1},
	} {
		_, err := s.ask(c)
		s.refusedAs(err, codes.InvalidArgument, BadRequest, c)
	}
	answer, err := s.ask(call{token: token, seconds: 1 << 62})
	if err != nil {
		t.Fatal(err)
	}
	chain, err := identity.ParseCertificates([]byte(answer[0]))
	if err != nil || chain[0].NotAfter.After(time.Now().Add(DefaultTTL+time.Second)) {
		t.Errorf("good until %s (%v)", chain[0].NotAfter, err)
	}
}

// TestTheServerIsTheControlPlane: members take no other server for it.
func TestTheServerIsTheControlPlane(t *testing.T) {
	s := serveOn(t, "unix", Options{})
	impostor, err := s.Issue(workload("shop", "cart", "cart"), 0)
	if err != nil {
		t.Fatal(err)
	}
	client := identity.ClientTLS(func() (identity.Credential, bool) { return identity.Credential{}, false }, s.Bundle, identity.ControlPlane, s.o.Clock)
	for name, server := range map[string]*tls.Config{
		"a workload":        identity.ServerTLS(func() (identity.Credential, bool) { return impostor, true }, s.o.Clock),
		"another authority": open(t, Options{}).ServerTLS(),
		"no certificate":    identity.ServerTLS(func() (identity.Credential, bool) { return identity.Credential{}, false }, s.o.Clock),
	} {
		a, b := net.Pipe()
		a.SetDeadline(time.Now().Add(10 * time.Second)) // neither end waits for an alert that nobody reads
		b.SetDeadline(time.Now().Add(10 * time.Second))
		done := make(chan struct{})
		go func() { defer close(done); tls.Server(b, server).Handshake(); b.Close() }()
		if err := tls.Client(a, client).Handshake(); err == nil {
			t.Errorf("%s was taken for the control plane", name)
		}
		a.Close()
		<-done
	}
}
