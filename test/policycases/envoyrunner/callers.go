package envoyrunner

import (
	"crypto/tls"
	"crypto/x509"
	"net/url"
	"sync"
	"testing"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
)

// callers are the certificates of whoever calls, by their URIs.
type callers struct {
	t         testing.TB
	authority *harness.Authority
	mu        sync.Mutex
	made      map[string]tls.Certificate
}

func newCallers(t testing.TB) *callers {
	return &callers{t: t, authority: harness.SharedAuthority(t), made: map[string]tls.Certificate{}}
}

func (c *callers) certificate(uri string) tls.Certificate {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if made, ok := c.made[uri]; ok {
		return made
	}
	id, err := url.Parse(uri)
	if err != nil {
		c.t.Fatal(err)
	}
	m := c.authority.Issue(c.t, model.Workload{Namespace: "callers", Name: "caller"}, func(cert *x509.Certificate) { cert.URIs = []*url.URL{id} })
	made, err := tls.X509KeyPair(m.Chain, m.Key)
	if err != nil {
		c.t.Fatal(err)
	}
	c.made[uri] = made
	return made
}
