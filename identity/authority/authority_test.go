package authority

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/krater-mesh/krater/identity"
	"github.com/krater-mesh/krater/model"
)

const trustDomain = "cluster.local"

// clock is a test's own.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(to time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = to
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func open(t *testing.T, o Options) *Authority {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	if o.TrustDomain == "" {
		o.TrustDomain = trustDomain
	}
	a, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

func workload(namespace, name, account string) identity.Claims {
	return identity.Claims{Identity: model.Identity{TrustDomain: trustDomain, Namespace: namespace, ServiceAccount: account}, Workload: name}
}

func p256(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// csr asks to be called what a change says; nothing where it is nil.
func csr(t *testing.T, key crypto.Signer, change func(*x509.CertificateRequest)) []byte {
	t.Helper()
	template := &x509.CertificateRequest{}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, template, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
}

func uris(t *testing.T, text ...string) []*url.URL {
	t.Helper()
	var out []*url.URL
	for _, s := range text {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, u)
	}
	return out
}

func TestSign(t *testing.T) {
	now := newClock()
	a := open(t, Options{Clock: now.Now})
	key := p256(t)
	cart := workload("shop", "cart-v1", "cart")
	chain, err := a.Sign(csr(t, key, func(r *x509.CertificateRequest) { r.Subject = pkix.Name{Organization: []string{"anybody"}} }), cart, 0)
	if err != nil {
		t.Fatal(err)
	}
	leaf := chain[0]
	switch {
	case len(chain) != 1:
		t.Errorf("%d certificates, want 1: everybody has the root", len(chain))
	case len(leaf.URIs) != 1 || leaf.URIs[0].String() != "spiffe://cluster.local/ns/shop/sa/cart":
		t.Errorf("URIs %v", leaf.URIs)
	case len(leaf.DNSNames) != 1 || leaf.DNSNames[0] != "cart-v1.shop.workload.cluster.local":
		t.Errorf("DNS names %v", leaf.DNSNames)
	case leaf.IsCA || leaf.KeyUsage != x509.KeyUsageDigitalSignature || len(leaf.ExtKeyUsage) != 2:
		t.Errorf("CA %v, key usage %v, extended %v", leaf.IsCA, leaf.KeyUsage, leaf.ExtKeyUsage)
	case leaf.Subject.String() != "":
		t.Errorf("subject %q: it is nobody's identity", leaf.Subject)
	case !leaf.NotBefore.Equal(now.Now().Add(-skew)) || !leaf.NotAfter.Equal(now.Now().Add(DefaultTTL)):
		t.Errorf("good from %s to %s", leaf.NotBefore, leaf.NotAfter)
	case leaf.SerialNumber.BitLen() > 127 || leaf.SerialNumber.BitLen() <= 64:
		t.Errorf("serial %s", leaf.SerialNumber)
	}
	if got, err := a.Bundle().Verify(chain, now.Now()); err != nil || got != cart {
		t.Errorf("it is %v's (%v)", got, err)
	}
}

func TestValidity(t *testing.T) {
	now := newClock()
	a := open(t, Options{Clock: now.Now, MaxTTL: 10 * time.Hour})
	for ttl, want := range map[time.Duration]time.Duration{0: 10 * time.Hour, time.Hour: time.Hour, 48 * time.Hour: 10 * time.Hour, -time.Hour: 10 * time.Hour} {
		chain, err := a.Sign(csr(t, p256(t), nil), workload("shop", "cart", "cart"), ttl)
		if err != nil {
			t.Fatal(err)
		}
		if got := chain[0].NotAfter.Sub(now.Now()); got != want {
			t.Errorf("%s asked: %s given, want %s", ttl, got, want)
		}
	}
	rootEnds := a.Bundle().Roots[0].NotAfter
	now.set(rootEnds.Add(-time.Hour))
	chain, err := a.Sign(csr(t, p256(t), nil), workload("shop", "cart", "cart"), 0)
	if err != nil || chain[0].NotAfter.After(rootEnds) {
		t.Errorf("a certificate outlives its root (%v)", err)
	}
	now.set(rootEnds.Add(time.Second))
	if _, err := a.Sign(csr(t, p256(t), nil), workload("shop", "cart", "cart"), 0); err == nil {
		t.Error("a root that ended signs")
	}
}
