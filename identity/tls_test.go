package identity

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/url"
	"testing"
	"time"
)

// world is a mesh with a root, and who has its certificates.
type world struct {
	t    *testing.T
	root *x509.Certificate
	sign func(*x509.Certificate) Credential
}

func newWorld(t *testing.T) world {
	t.Helper()
	key := newKey(t)
	root := make509(t, nil, key, nil, asCA)
	w := world{t: t, root: root}
	w.sign = func(template *x509.Certificate) Credential {
		own := newKey(t)
		leaf := make509(t, root, own, key, func(c *x509.Certificate) {
			c.URIs, c.DNSNames = template.URIs, template.DNSNames
			if !template.NotAfter.IsZero() {
				c.NotBefore, c.NotAfter = template.NotBefore, template.NotAfter
			}
		})
		return Credential{Chain: []*x509.Certificate{leaf}, Key: own, Bundle: w.bundle()}
	}
	return w
}

func (w world) bundle() Bundle {
	return Bundle{TrustDomain: "mesh.example", Roots: []*x509.Certificate{w.root}}
}

func (w world) of(c Claims, change func(*x509.Certificate)) Credential {
	w.t.Helper()
	u, err := url.Parse(c.Identity.String())
	if err != nil {
		w.t.Fatal(err)
	}
	template := &x509.Certificate{URIs: []*url.URL{u}, DNSNames: []string{c.DNSName()}}
	if change != nil {
		change(template)
	}
	out := w.sign(template)
	out.Claims = c
	return out
}

func always(c Credential) Current { return func() (Credential, bool) { return c, true } }

// speak connects two ends, and tells what each thinks of it: in TLS 1.3 the
// client is done before the server has seen its certificate.
func speak(t *testing.T, server, client *tls.Config) (state tls.ConnectionState, serverErr, clientErr error) {
	t.Helper()
	a, b := pair(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s := tls.Server(b, server)
		if serverErr = s.Handshake(); serverErr == nil {
			_, serverErr = s.Write([]byte("x"))
		}
		state = s.ConnectionState()
		b.Close()
	}()
	c := tls.Client(a, client)
	if clientErr = c.Handshake(); clientErr == nil {
		_, clientErr = io.ReadFull(c, make([]byte, 1))
	}
	a.Close()
	<-done
	return state, serverErr, clientErr
}

// pair is a connection's two ends, each of which may write without being read.
func pair(t *testing.T) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return client, server
}

// TestHandshakes: a client gives a good certificate or none; a server is whom
// the client means.
func TestHandshakes(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	plane, cart := System("mesh.example", ControlPlane), System("mesh.example", "cart")
	server := ServerTLS(always(w.of(plane, nil)), time.Now)
	for name, c := range map[string]struct {
		as Current
		ok bool
	}{
		"a member":       {always(w.of(cart, nil)), true},
		"nobody":         {func() (Credential, bool) { return Credential{}, false }, true},
		"another root's": {always(other.of(cart, nil)), false},
		"one that ended": {always(w.of(cart, func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(-time.Second)
		})), false},
		"one of later": {always(w.of(cart, func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Now().Add(time.Hour), time.Now().Add(2*time.Hour)
		})), false},
		"no workload's": {always(w.of(cart, func(c *x509.Certificate) { c.DNSNames = nil })), false},
		"a foreigner's": {always(w.of(System("other.example", "cart"), nil)), false},
	} {
		_, serverErr, clientErr := speak(t, server, ClientTLS(c.as, w.bundle, ControlPlane, time.Now))
		if (serverErr == nil) != c.ok || (clientErr == nil) != c.ok {
			t.Errorf("%s: the server says %v, the client %v; want them to agree: %v", name, serverErr, clientErr, c.ok)
		}
	}
	client := ClientTLS(always(w.of(cart, nil)), w.bundle, ControlPlane, time.Now)
	for name, s := range map[string]Current{
		"a workload":             always(w.of(cart, nil)),
		"another part":           always(w.of(System("mesh.example", Policyd), nil)),
		"its identity only":      always(w.of(Claims{plane.Identity, "cart"}, nil)),
		"another root's":         always(other.of(plane, nil)),
		"another trust domain's": always(w.of(System("other.example", ControlPlane), nil)),
	} {
		if _, _, err := speak(t, ServerTLS(s, time.Now), client); err == nil {
			t.Errorf("%s was taken for the control plane", name)
		}
	}
	old := client.Clone()
	old.MinVersion, old.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	if _, err, _ := speak(t, server, old); err == nil {
		t.Error("TLS 1.2 is spoken")
	}
	without := ServerTLS(func() (Credential, bool) { return Credential{}, false }, time.Now)
	if _, err, _ := speak(t, without, client); err == nil {
		t.Error("a server without a certificate serves")
	}
}

// TestNothingIsResumed: a client's certificate is looked at in each connection.
func TestNothingIsResumed(t *testing.T) {
	w := newWorld(t)
	server := ServerTLS(always(w.of(System("mesh.example", ControlPlane), nil)), time.Now)
	client := ClientTLS(always(w.of(System("mesh.example", "cart"), nil)), w.bundle, ControlPlane, time.Now)
	client.ClientSessionCache, client.ServerName = tls.NewLRUClientSessionCache(4), "the same"
	for range 3 {
		state, serverErr, clientErr := speak(t, server, client)
		if serverErr != nil || clientErr != nil || state.DidResume {
			t.Fatalf("%v, %v, resumed %v", serverErr, clientErr, state.DidResume)
		}
	}
}

func TestCredentialsThatDoNotFit(t *testing.T) {
	w := newWorld(t)
	cart := System("mesh.example", "cart")
	good := w.of(cart, nil)
	if err := good.Check(time.Now()); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Credential){
		"no key":          func(c *Credential) { c.Key = nil },
		"no certificate":  func(c *Credential) { c.Chain = nil },
		"another key":     func(c *Credential) { c.Key = newKey(t) },
		"other claims":    func(c *Credential) { c.Workload = "bank" },
		"no roots":        func(c *Credential) { c.Bundle.Roots = nil },
		"somebody's root": func(c *Credential) { c.Bundle = newWorld(t).bundle() },
	} {
		c := good
		change(&c)
		if c.Check(time.Now()) == nil {
			t.Errorf("%s: it fits", name)
		}
	}
	if good.Check(good.Leaf().NotAfter.Add(time.Second)) == nil {
		t.Error("it is good after its end")
	}
	if key, err := ParseKey(good.KeyPEM()); err != nil || !key.Equal(good.Key) {
		t.Errorf("%v", err)
	}
}
