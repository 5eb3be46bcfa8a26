package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/model"
)

func TestClaims(t *testing.T) {
	cart := Claims{model.Identity{TrustDomain: "cluster.local", Namespace: "shop", ServiceAccount: "cart"}, "cart-v1"}
	if got := cart.DNSName(); got != "cart-v1.shop.workload.cluster.local" {
		t.Errorf("DNS name %s", got)
	}
	if err := cart.Validate(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*Claims){
		"no trust domain":    func(c *Claims) { c.TrustDomain = "" },
		"a loud one":         func(c *Claims) { c.TrustDomain = "Cluster.Local" },
		"no namespace":       func(c *Claims) { c.Namespace = "" },
		"a dotted namespace": func(c *Claims) { c.Namespace = "a.b" },
		"no account":         func(c *Claims) { c.ServiceAccount = "" },
		"an account of two":  func(c *Claims) { c.ServiceAccount = "a/b" },
		"a dot as account":   func(c *Claims) { c.ServiceAccount = ".." },
		"no workload":        func(c *Claims) { c.Workload = "" },
		"a wildcard":         func(c *Claims) { c.Workload = "*" },
		"a long one":         func(c *Claims) { c.Workload = strings.Repeat("a", 240) },
	} {
		c := cart
		change(&c)
		if c.Validate() == nil {
			t.Errorf("%s: %v is valid", name, c)
		}
	}
}

func TestMemberName(t *testing.T) {
	for address, want := range map[string]string{
		"10.0.0.7": "db-10-0-0-7", "::ffff:10.0.0.7": "db-10-0-0-7", "2001:db8::1": "db-2001-0db8-0000-0000-0000-0000-0000-0001",
	} {
		if got := MemberName("db", netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}

// make signs a certificate by itself, or by a root.
func make509(t testing.TB, by *x509.Certificate, key, byKey *ecdsa.PrivateKey, change func(*x509.Certificate)) *x509.Certificate {
	t.Helper()
	c := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true}
	if change != nil {
		change(c)
	}
	if by == nil {
		by, byKey = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by, key.Public(), byKey)
	if err != nil {
		t.Fatal(err)
	}
	out, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func asCA(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign }

// TestVerify: one identity, one workload's name that belongs to it, a trust
// domain of ours, a root of ours, a time that is now.
func TestVerify(t *testing.T) {
	rootKey := newKey(t)
	root := make509(t, nil, rootKey, nil, asCA)
	b := Bundle{TrustDomain: "mesh.example", Aliases: []string{"old.example", "mesh.example"}, Roots: []*x509.Certificate{root}}
	of := func(uri, dns string) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			u, err := url.Parse(uri)
			if err != nil {
				t.Fatal(err)
			}
			c.URIs, c.DNSNames = []*url.URL{u}, []string{dns}
		}
	}
	good := of("spiffe://mesh.example/ns/shop/sa/cart", "cart-v1.shop.workload.mesh.example")
	and := func(more func(*x509.Certificate)) func(*x509.Certificate) {
		return func(c *x509.Certificate) { good(c); more(c) }
	}
	for name, c := range map[string]struct {
		change func(*x509.Certificate)
		ok     bool
	}{
		"a workload":                  {good, true},
		"of an alias":                 {of("spiffe://old.example/ns/shop/sa/cart", "cart-v1.shop.workload.old.example"), true},
		"of another trust domain":     {of("spiffe://evil.example/ns/shop/sa/cart", "cart-v1.shop.workload.evil.example"), false},
		"a name of another domain":    {of("spiffe://mesh.example/ns/shop/sa/cart", "cart-v1.shop.workload.old.example"), false},
		"a name of another namespace": {of("spiffe://mesh.example/ns/shop/sa/cart", "cart-v1.bank.workload.mesh.example"), false},
		"a host's name":               {of("spiffe://mesh.example/ns/shop/sa/cart", "shop.example"), false},
		"no identity":                 {of("https://mesh.example/", "cart-v1.shop.workload.mesh.example"), false},
		"another path":                {of("spiffe://mesh.example/shop/cart", "cart-v1.shop.workload.mesh.example"), false},
		"two names":                   {and(func(c *x509.Certificate) { c.DNSNames = append(c.DNSNames, "a.shop.workload.mesh.example") }), false},
		"no name":                     {and(func(c *x509.Certificate) { c.DNSNames = nil }), false},
		"two identities":              {and(func(c *x509.Certificate) { c.URIs = append(c.URIs, c.URIs[0]) }), false},
		"an address":                  {and(func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(1, 2, 3, 4)} }), false},
		"an authority":                {and(asCA), false},
		"expired":                     {and(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Second) }), false},
		"not yet valid":               {and(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }), false},
	} {
		leaf := make509(t, root, newKey(t), rootKey, c.change)
		if got, err := b.Verify([]*x509.Certificate{leaf}, time.Now()); (err == nil) != c.ok {
			t.Errorf("%s: %v (%v)", name, got, err)
		}
	}
	stranger := newKey(t)
	leaf := make509(t, make509(t, nil, stranger, nil, asCA), newKey(t), stranger, good)
	if _, err := b.Verify([]*x509.Certificate{leaf}, time.Now()); err == nil {
		t.Error("a root of somebody else is trusted")
	}
	if _, err := b.Verify(nil, time.Now()); err == nil {
		t.Error("nothing is somebody")
	}
	if _, err := (Bundle{TrustDomain: "mesh.example"}).Verify([]*x509.Certificate{leaf}, time.Now()); err == nil {
		t.Error("without roots somebody is trusted")
	}
}

func TestBundleOnTheWire(t *testing.T) {
	key := newKey(t)
	b := Bundle{TrustDomain: "a.example", Aliases: []string{"b.example"}, Roots: []*x509.Certificate{make509(t, nil, key, nil, asCA), make509(t, nil, key, nil, asCA)}, Issuer: "ab"}
	text, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	var back Bundle
	if err := json.Unmarshal(text, &back); err != nil || back.Version() != b.Version() {
		t.Errorf("%v: %+v", err, back)
	}
	leaf := make509(t, nil, key, nil, nil)
	for _, bad := range []string{
		`{}`, `{"trustDomain":"a.example"}`, `{"trustDomain":"a.example","roots":"hello"}`,
		fmt.Sprintf(`{"trustDomain":"A/B","roots":%q}`, b.PEM()),
		fmt.Sprintf(`{"trustDomain":"a.example","aliases":["*"],"roots":%q}`, b.PEM()),
		fmt.Sprintf(`{"trustDomain":"a.example","roots":%q}`, EncodeCertificates([]*x509.Certificate{leaf})),
		fmt.Sprintf(`{"trustDomain":"a.example","roots":%q}`, strings.Repeat(string(b.PEM()), maxCertificates)),
		fmt.Sprintf(`{"trustDomain":"a.example","roots":%q}`, EncodeKey(key)),
	} {
		kept := b
		if err := json.Unmarshal([]byte(bad), &kept); err == nil {
			t.Errorf("%.80s: taken", bad)
		} else if kept.Version() != b.Version() {
			t.Errorf("%.80s: it was half taken", bad)
		}
	}
}

// TestPrintingShowsNoKey: a credential in a log is who it is.
func TestPrintingShowsNoKey(t *testing.T) {
	c := Credential{Claims: System("a.example", Policyd), Key: newKey(t)}
	for _, verb := range []string{"%v", "%+v", "%s"} {
		if got := fmt.Sprintf(verb, c); got != "spiffe://a.example/ns/krater-system/sa/policyd" {
			t.Errorf("%s prints %s", verb, got)
		}
	}
}

// FuzzBundle: what is taken as a bundle trusts somebody, and is the same when
// it is written and read again.
func FuzzBundle(f *testing.F) {
	good, err := json.Marshal(Bundle{TrustDomain: "a.example", Roots: []*x509.Certificate{make509(f, nil, newKey(f), nil, asCA)}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"trustDomain":"a","roots":"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var b, back Bundle
		if json.Unmarshal(text, &b) != nil || string(text) == "null" {
			return
		}
		again, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(again, &back); err != nil || len(b.Roots) == 0 || back.Version() != b.Version() {
			t.Errorf("%s became %s (%v)", text, again, err)
		}
	})
}

// FuzzFile: a file is what was saved, or an error.
func FuzzFile(f *testing.F) {
	f.Add([]byte(`{"format":"f","sha256":"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","content":{}}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var v struct{ A string }
		_ = decode(text, "f", &v)
	})
}
