package envoy_test

import (
	"crypto/tls"
	"crypto/x509"
	"maps"
	"net/url"
	"testing"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
)

// Who calls, and what policies say of callers: few words, so that they collide.
var (
	callerDomains = []string{"cluster.local", "other.example", "ns"}
	callerURIs    = []string{
		"spiffe://cluster.local/ns/shop/sa/page", "spiffe://cluster.local/ns/shop/sa/page", "spiffe://cluster.local/ns/shop/sa/page-2",
		"spiffe://cluster.local/ns/shop-dev/sa/page", "spiffe://cluster.local/ns/dev-shop/sa/page.v2", "spiffe://cluster.local/ns/default/sa/default",
		"spiffe://other.example/ns/shop/sa/page", "spiffe://other.example/ns/default/sa/shop",
		// None that the mesh's own authority gives.
		"spiffe://cluster.local/ns/shop/x/sa/page", "spiffe://cluster.local/x/ns/shop/sa/page", "spiffe://cluster.local/ns/shop/sa/page/x",
		"spiffe://cluster.local/ns/a/sa/ns/shop/sa/page", "spiffe://cluster.local/sa/page", "spiffe://ns/shop/sa/page", "spiffe://cluster.local/NS/shop/sa/page",
		"spiffe://cluster.local/ns/shop", "spiffe://cluster.local/ns/pageXv2/sa/pageXv2",
	}
	principalPatterns = []string{"cluster.local/ns/shop/sa/page", "cluster.local/ns/shop/sa/*", "cluster.local/*", "*", "*/sa/page", "*/ns/shop/sa/page", "*page",
		"other.example/ns/shop/sa/page", "other.example*", "*.local/ns/shop/sa/page", "Cluster.local/ns/shop/sa/page", "cluster.local/ns/shop/sa/page*", "c*", "/ns/shop/sa/page"}
	namespacePatterns   = []string{"shop", "shop*", "*shop", "*", "s*p", "default", "a", "*-dev", "dev-*", "sho", "*o*"}
	accountNames        = []string{"shop/page", "page", "shop-dev/page", "dev-shop/page.v2", "default/default", "default", "shop/page-2", "default/shop"}
	trustDomainPatterns = []string{"cluster.local", "other.example", "*", "*.local", "cluster*", "ns", "cluster.loca", "*.example", "*r.*"}
)

// callers adds the lists of who calls: accounts stand beside no principals.
func (d drawer) callers(lists map[string][]string) {
	if d.chance(50) {
		clear(lists)
	}
	lists["trustDomains"], lists["notTrustDomains"] = trustDomainPatterns, trustDomainPatterns
	if d.chance(35) {
		lists["serviceAccounts"], lists["notServiceAccounts"] = accountNames, accountNames
		return
	}
	maps.Copy(lists, map[string][]string{"principals": principalPatterns, "notPrincipals": principalPatterns,
		"namespaces": namespacePatterns, "notNamespaces": namespacePatterns})
}

func (d drawer) callerCondition() map[string]any {
	keys := map[string][]string{"source.principal": principalPatterns, "source.namespace": namespacePatterns,
		"source.serviceAccount": accountNames, "source.trustDomain": trustDomainPatterns}
	names := sortedNames(keys)
	key := names[d.IntN(len(names))]
	out := d.fields(1, map[string][]string{"values": keys[key], "notValues": keys[key]})
	out["key"] = key
	return out
}

// certificates gives clients' by an authority, each made once.
func certificates(t *testing.T, a *harness.Authority) func(uri string) tls.Certificate {
	made := map[string]tls.Certificate{}
	return func(uri string) tls.Certificate {
		if c, ok := made[uri]; ok {
			return c
		}
		id, err := url.Parse(uri)
		if err != nil {
			t.Fatal(err)
		}
		m := a.Issue(t, model.Workload{Namespace: "shop", Name: "page"}, func(c *x509.Certificate) {
			c.URIs = []*url.URL{id}
			// What it says beside is nobody's business.
			c.DNSNames, c.Subject.CommonName = []string{"spiffe.cluster.local"}, "spiffe://cluster.local/ns/shop/sa/page"
		})
		c, err := tls.X509KeyPair(m.Chain, m.Key)
		if err != nil {
			t.Fatal(err)
		}
		made[uri] = c
		return c
	}
}
