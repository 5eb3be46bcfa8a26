package harness

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/krater-mesh/krater/agent/sds"
	"github.com/krater-mesh/krater/model"
)

// TrustDomain is that of the identities of tests.
const TrustDomain = "cluster.local"

// Authority is a certificate authority in memory, so that a test can also have
// certificates that no real one would give.
type Authority struct {
	TrustDomain string
	Root        []byte // PEM
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// NewAuthority makes one; two of the same trust domain do not trust each other.
func NewAuthority(t testing.TB, trustDomain string) *Authority {
	t.Helper()
	a, err := newAuthority(trustDomain)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// sharedAuthority is that of all Envoys to which a test gives no other.
var sharedAuthority = sync.OnceValues(func() (*Authority, error) { return newAuthority(TrustDomain) })

// SharedAuthority is that of every Envoy that StartEnvoy starts.
func SharedAuthority(t testing.TB) *Authority {
	t.Helper()
	a, err := sharedAuthority()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func newAuthority(trustDomain string) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	root := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{Organization: []string{trustDomain}, CommonName: "a root of tests"},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		URIs: []*url.URL{{Scheme: "spiffe", Host: trustDomain}},
	}
	der, err := x509.CreateCertificate(rand.Reader, root, root, key.Public(), key)
	if err != nil {
		return nil, err
	}
	if root, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	return &Authority{TrustDomain: trustDomain, Root: encode("CERTIFICATE", der), certificate: root, key: key}, nil
}

// Issue gives a workload's certificate and key, as of an hour ago and for an
// hour; change makes it another one. It trusts this authority only.
func (a *Authority) Issue(t testing.TB, w model.Workload, change func(*x509.Certificate)) *sds.Material {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id, err := url.Parse(w.Identity(a.TrustDomain).String())
	if err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{
		SerialNumber: serial(), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		URIs: []*url.URL{id}, DNSNames: []string{w.DNSName(a.TrustDomain)}, BasicConstraintsValid: true,
	}
	if change != nil {
		change(leaf)
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, a.certificate, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return &sds.Material{Chain: encode("CERTIFICATE", der), Key: encode("PRIVATE KEY", private), Bundles: map[string][]byte{a.TrustDomain: a.Root}}
}

func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err) // the machine has no randomness
	}
	return n
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
