package authority

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"net"
	"strings"
	"testing"
)

// TestCSRNames: a CSR names its sender, or nobody.
func TestCSRNames(t *testing.T) {
	a := open(t, Options{})
	cart := workload("shop", "cart-v1", "cart")
	for name, c := range map[string]struct {
		change func(*x509.CertificateRequest)
		ok     bool
	}{
		"nobody":               {nil, true},
		"its identity":         {func(r *x509.CertificateRequest) { r.URIs = uris(t, cart.Identity.String()) }, true},
		"its DNS name":         {func(r *x509.CertificateRequest) { r.DNSNames = []string{cart.DNSName()} }, true},
		"its common name":      {func(r *x509.CertificateRequest) { r.Subject.CommonName = cart.DNSName() }, true},
		"another account":      {func(r *x509.CertificateRequest) { r.URIs = uris(t, "spiffe://cluster.local/ns/shop/sa/admin") }, false},
		"another namespace":    {func(r *x509.CertificateRequest) { r.URIs = uris(t, "spiffe://cluster.local/ns/bank/sa/cart") }, false},
		"another trust domain": {func(r *x509.CertificateRequest) { r.URIs = uris(t, "spiffe://other/ns/shop/sa/cart") }, false},
		"itself and another": {func(r *x509.CertificateRequest) {
			r.URIs = uris(t, cart.Identity.String(), "spiffe://cluster.local/ns/shop/sa/x")
		}, false},
		"another workload": {func(r *x509.CertificateRequest) { r.DNSNames = []string{"cart-v2.shop.workload.cluster.local"} }, false},
		"a host":           {func(r *x509.CertificateRequest) { r.DNSNames = []string{"bank.example.com"} }, false},
		"the control plane": {func(r *x509.CertificateRequest) {
			r.URIs = uris(t, "spiffe://cluster.local/ns/krater-system/sa/controlplane")
		}, false},
		"an address":                    {func(r *x509.CertificateRequest) { r.IPAddresses = []net.IP{net.IPv4(10, 0, 0, 1)} }, false},
		"a mailbox":                     {func(r *x509.CertificateRequest) { r.EmailAddresses = []string{"root@example.com"} }, false},
		"another common name":           {func(r *x509.CertificateRequest) { r.Subject = pkix.Name{CommonName: "bank"} }, false},
		"its identity in other letters": {func(r *x509.CertificateRequest) { r.URIs = uris(t, "spiffe://CLUSTER.LOCAL/ns/shop/sa/cart") }, false},
	} {
		_, err := a.Sign(csr(t, p256(t), c.change), cart, 0)
		if c.ok && err != nil || !c.ok && !errors.Is(err, ErrOtherIdentity) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCSRsThatAreNone(t *testing.T) {
	good := csr(t, p256(t), nil)
	block, _ := pem.Decode(good)
	tampered := append([]byte(nil), block.Bytes...)
	tampered[len(tampered)-1] ^= 1
	isCA, err := asn1.Marshal(struct{ CA bool }{true})
	if err != nil {
		t.Fatal(err)
	}
	asCA := csr(t, p256(t), func(r *x509.CertificateRequest) {
		r.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 19}, Critical: true, Value: isCA}}
	})
	for want, text := range map[string][]byte{
		"not one PEM block":           append(append([]byte(nil), good...), good...),
		"not one PEM block CERT":      []byte("hello"),
		"not one PEM":                 pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: block.Bytes}),
		"not one":                     append([]byte("text before\n"), good...),
		"cannot be read":              pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: block.Bytes[:40]}),
		"not signed by its own key":   pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: tampered}),
		"the most is 8192":            []byte(strings.Repeat("x", maxCSR+1)),
		"the extension 2.5.29.19":     asCA,
		"is RSA; only ECDSA":          csr(t, key(rsa.GenerateKey(rand.Reader, 2048)), nil),
		"is Ed25519; only ECDSA":      csr(t, edKey(t), nil),
		"the curve P-384; only ECDSA": csr(t, key(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)), nil),
	} {
		if _, err := parseCSR(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	if _, err := parseCSR(good); err != nil {
		t.Error(err)
	}
}

func key[K crypto.Signer](k K, err error) crypto.Signer {
	if err != nil {
		panic(err)
	}
	return k
}

func edKey(t *testing.T) crypto.Signer {
	t.Helper()
	_, k, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// FuzzCSR: whatever is signed says what its sender is, and nothing else.
func FuzzCSR(f *testing.F) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	for _, template := range []x509.CertificateRequest{{}, {DNSNames: []string{"x.y"}}, {Subject: pkix.Name{CommonName: "c"}}} {
		der, err := x509.CreateCertificateRequest(rand.Reader, &template, k)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
	}
	a, err := Open(Options{Dir: f.TempDir(), TrustDomain: trustDomain})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { a.Close() })
	cart := workload("shop", "cart", "cart")
	f.Fuzz(func(t *testing.T, text []byte) {
		chain, err := a.Sign(text, cart, 0)
		if err != nil {
			return
		}
		if got, err := a.Bundle().Verify(chain, a.o.Clock()); err != nil || got != cart {
			t.Errorf("signed for %v (%v)", got, err)
		}
	})
}
