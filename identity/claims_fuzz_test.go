package identity

import (
	"crypto/x509"
	"net/url"
	"testing"
)

// FuzzClaims: a certificate's names are refused, or say exactly one workload,
// which has these names and no others.
func FuzzClaims(f *testing.F) {
	f.Add("spiffe://cluster.local/ns/shop/sa/cart", "cart-v1.shop.workload.cluster.local")
	f.Add("spiffe://cluster.local/ns/shop/sa/cart?x", "cart.shop.workload.cluster.local")
	f.Add("spiffe://cluster.local/ns/a%2fb/sa/cart", "a.b.workload.cluster.local")
	f.Add("spiffe://user@a/ns/b/sa/c", "*.b.workload.a")
	f.Fuzz(func(t *testing.T, uri, name string) {
		u, err := url.Parse(uri)
		if err != nil {
			return
		}
		c, err := ClaimsOf(&x509.Certificate{URIs: []*url.URL{u}, DNSNames: []string{name}})
		if err != nil {
			return
		}
		if c.Identity.String() != uri || c.DNSName() != name {
			t.Errorf("%q %q is %s %s", uri, name, c.Identity, c.DNSName())
		}
		if c.TrustDomain == "" || c.Namespace == "" || c.ServiceAccount == "" || c.Workload == "" {
			t.Errorf("%q %q is %+v", uri, name, c)
		}
	})
}
