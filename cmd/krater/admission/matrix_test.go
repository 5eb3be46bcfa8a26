package admission

import (
	"crypto/tls"
	"strings"
	"testing"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"github.com/krater-mesh/krater/identity"
	"github.com/krater-mesh/krater/model"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
)

// TestWhoMayAskForWhat holds each kind of asker against each node.
func TestWhoMayAskForWhat(t *testing.T) {
	w := newWorld(t, Options{})
	foreign := newAuthority(t, trustDomain, w.clock.Now)
	other := newAuthority(t, "other.test", w.clock.Now)
	aliased := claims("shop", "cart", "cart")
	aliased.TrustDomain = alias
	stranger := claims("shop", "cart", "cart")
	stranger.TrustDomain = "other.test"
	for name, c := range map[string]struct {
		credential *identity.Credential
		node       string
		code       codes.Code
		reason     string // in the list of refusals; "": not there
	}{
		"its own":                       {w.issue(claims("shop", "cart", "cart")), "shop/cart", codes.OK, ""},
		"the default account":           {w.issue(claims("shop", "till", "default")), "shop/till", codes.OK, ""},
		"an alias of the trust domain":  {w.issue(aliased), "shop/cart", codes.OK, ""},
		"a group's member":              {w.issue(claims("vm", "db-10-0-0-7", "db")), "vm/db-10-0-0-7", codes.OK, ""},
		"policyd":                       {w.issue(identity.System(trustDomain, identity.Policyd)), model.NodePolicyd, codes.OK, ""},
		"no certificate":                {nil, "shop/cart", codes.Unauthenticated, "certificate"},
		"a foreign authority":           {issue(t, foreign, claims("shop", "cart", "cart")), "shop/cart", codes.Unavailable, ""},
		"another trust domain":          {issue(t, other, stranger), "shop/cart", codes.Unavailable, ""},
		"another node":                  {w.issue(claims("shop", "cart", "cart")), "shop/till", codes.PermissionDenied, `it says that it is "shop/till"`},
		"another namespace":             {w.issue(claims("shop", "cart", "cart")), "bank/vault", codes.PermissionDenied, `it says that it is "bank/vault"`},
		"no node's name":                {w.issue(claims("shop", "cart", "cart")), "cart", codes.PermissionDenied, `it says that it is "cart"`},
		"a daemon's node":               {w.issue(claims("shop", "cart", "cart")), model.NodePolicyd, codes.PermissionDenied, "it says that it is"},
		"another account":               {w.issue(claims("shop", "cart", "till")), "shop/cart", codes.PermissionDenied, "has the service account cart, the certificate till"},
		"a workload that is not there":  {w.issue(claims("shop", "ghost", "default")), "shop/ghost", codes.PermissionDenied, "the mesh declares no workload shop/ghost"},
		"a member with another account": {w.issue(claims("vm", "db-10-0-0-7", "default")), "vm/db-10-0-0-7", codes.PermissionDenied, "has the service account db"},
		"a member of no group":          {w.issue(claims("vm", "cache-10-0-0-7", "db")), "vm/cache-10-0-0-7", codes.PermissionDenied, "declares no workload"},
		"a member of no address":        {w.issue(claims("vm", "db-10-0-0", "db")), "vm/db-10-0-0", codes.PermissionDenied, "declares no workload"},
		"the control plane's own":       {w.issue(identity.System(trustDomain, identity.ControlPlane)), "krater/controlplane", codes.PermissionDenied, "is Krater's own"},
		"a proxy as policyd's account":  {w.issue(claims(identity.SystemNamespace, "shell", identity.Policyd)), model.NodePolicyd, codes.PermissionDenied, "is Krater's own"},
		"policyd as the collector":      {w.issue(claims(identity.SystemNamespace, identity.Collector, identity.Policyd)), model.NodeCollector, codes.PermissionDenied, "is Krater's own"},
		"policyd for a proxy":           {w.issue(identity.System(trustDomain, identity.Policyd)), "shop/cart", codes.PermissionDenied, "it says that it is"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := w.ask(c.credential, c.node).receive()
			if status.Code(err) != c.code {
				t.Fatalf("%q, %v; want %s", got, err, c.code)
			}
			if err == nil && got != "of "+c.node {
				t.Errorf("it got %q", got)
			}
			if c.reason == "" {
				return
			}
			for _, r := range w.gate.List() {
				if r.Node == c.node && strings.Contains(r.Reason, c.reason) && r.What == "stream" {
					return
				}
			}
			t.Errorf("the refusal is not told: %+v", w.gate.List())
		})
	}
}

func TestWithoutTLSOnlyDaemonsAsk(t *testing.T) {
	w := newWorld(t, Options{})
	if got, err := w.askPlain(model.NodePolicyd).receive(); err != nil || got != "of "+model.NodePolicyd {
		t.Errorf("policyd got %q, %v", got, err)
	}
	if got, err := w.askPlain("shop/cart").receive(); status.Code(err) != codes.PermissionDenied {
		t.Errorf("a proxy got %q, %v", got, err)
	}
}

// ended waits for a stream's end, and gives its code.
func ended(t *testing.T, a *asker) codes.Code {
	t.Helper()
	_, err := a.stream.Recv()
	return status.Code(err)
}

func TestAStreamEndsWithItsCertificate(t *testing.T) {
	w := newWorld(t, Options{})
	a := w.ask(w.issue(claims("shop", "cart", "cart")), "shop/cart")
	if _, err := a.receive(); err != nil {
		t.Fatal(err)
	}
	w.clock.pass(50 * time.Minute)
	w.gate.sweep(w.gate.verified)
	if len(w.gate.Connections()) != 1 {
		t.Fatal("the stream ended before its certificate")
	}
	w.clock.pass(11 * time.Minute) // it was good for an hour
	w.gate.sweep(w.gate.verified)
	if code := ended(t, a); code != codes.Unauthenticated {
		t.Errorf("the stream ended with %s", code)
	}
	if _, err := w.askAgain(a.conn, "shop/cart").receive(); status.Code(err) != codes.Unauthenticated {
		t.Errorf("another stream of the connection: %v", err)
	}
}

func TestACertificateThatHasEndedIsNobodys(t *testing.T) {
	w := newWorld(t, Options{})
	old := w.issue(claims("shop", "cart", "cart"))
	w.clock.pass(2 * time.Hour)
	if _, err := w.ask(old, "shop/cart").receive(); err == nil {
		t.Error("a certificate that has ended was taken")
	}
}

func TestAStreamEndsWithItsRoot(t *testing.T) {
	w := newWorld(t, Options{})
	a := w.ask(w.issue(claims("shop", "cart", "cart")), "shop/cart")
	if _, err := a.receive(); err != nil {
		t.Fatal(err)
	}
	for _, step := range []func() error{w.authority.Prepare, w.authority.Promote, func() error { return w.authority.Retire(true) }} {
		w.gate.sweep(w.gate.verified)
		if len(w.gate.Connections()) != 1 {
			t.Fatal("the stream ended before its root was retired")
		}
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	w.gate.sweep(w.gate.verified)
	if code := ended(t, a); code != codes.Unauthenticated {
		t.Errorf("the stream ended with %s", code)
	}
}

func TestAStreamEndsWithItsWorkload(t *testing.T) {
	for name, revoke := range map[string]func(*world){
		"removed": func(w *world) {
			s := declared()
			s.Workloads = s.Workloads[1:]
			w.gate.SetMesh(NewMesh(s))
		},
		"of another account": func(w *world) {
			s := declared()
			s.Workloads[0].ServiceAccount = "other"
			w.gate.SetMesh(NewMesh(s))
		},
		"denied": func(w *world) { w.gate.SetDenied(Denied{"shop/cart": true}) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, Options{})
			cart := w.ask(w.issue(claims("shop", "cart", "cart")), "shop/cart")
			till := w.ask(w.issue(claims("shop", "till", "default")), "shop/till")
			for _, a := range []*asker{cart, till} {
				if _, err := a.receive(); err != nil {
					t.Fatal(err)
				}
			}
			revoke(w)
			if code := ended(t, cart); code != codes.PermissionDenied {
				t.Errorf("the stream ended with %s", code)
			}
			if _, err := w.gate.Permit(claims("shop", "cart", "cart")); err == nil {
				t.Error("it may have another certificate")
			}
			if connected := w.gate.Connections(); len(connected) != 1 || connected["shop/till"].Identity == "" {
				t.Errorf("another's stream ended: %v", connected)
			}
		})
	}
}

func TestAMemberIsToldOfWhileItIsConnected(t *testing.T) {
	told := make(chan string, 2)
	w := newWorld(t, Options{Joined: func(m Member, _ *core.Node) (func(), error) {
		told <- "joined " + m.Group.Object.Name + " " + m.Address.String()
		return func() { told <- "left" }, nil
	}})
	a := w.ask(w.issue(claims("vm", "db-10-0-0-7", "db")), "vm/db-10-0-0-7")
	if _, err := a.receive(); err != nil {
		t.Fatal(err)
	}
	if got := <-told; got != "joined db 10.0.0.7" {
		t.Error(got)
	}
	a.close()
	select {
	case <-told:
	case <-time.After(patience):
		t.Fatal("nobody was told that it left")
	}
}

// A handshake with a certificate but without TLS 1.3 is none.
func TestOldTLSIsRefused(t *testing.T) {
	w := newWorld(t, Options{})
	c := w.issue(claims("shop", "cart", "cart"))
	old := credentials.NewTLS(&tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{*c.TLS()}, MaxVersion: tls.VersionTLS12, NextProtos: []string{"h2"}})
	if got, err := w.askOn(w.tls, old, "shop/cart").receive(); err == nil {
		t.Errorf("TLS 1.2 got %q", got)
	}
}
