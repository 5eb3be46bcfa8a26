package trafficcases_test

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
	"sync"
	"testing"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
)

// identities are the certificates of the workloads that no proxy of ours
// stands in front of.
type identities struct {
	t     *testing.T
	mu    sync.Mutex
	roots *x509.CertPool
	made  map[string]tls.Certificate // by identity
}

func newIdentities(t *testing.T) *identities {
	i := &identities{t: t, roots: x509.NewCertPool(), made: map[string]tls.Certificate{}}
	i.roots.AppendCertsFromPEM(harness.SharedAuthority(t).Root)
	return i
}

// of is how a workload's sidecar ends mutual TLS.
func (i *identities) of(w model.Workload) *tls.Config {
	i.mu.Lock()
	defer i.mu.Unlock()
	key := w.Identity(harness.TrustDomain).String()
	pair, ok := i.made[key]
	if !ok {
		m := harness.SharedAuthority(i.t).Issue(i.t, w, nil)
		var err error
		if pair, err = tls.X509KeyPair(m.Chain, m.Key); err != nil {
			panic(err)
		}
		i.made[key] = pair
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: i.roots}
}

// isOfMesh tells whether a certificate says who a workload is.
func isOfMesh(c *x509.Certificate) bool {
	return len(c.URIs) == 1 && strings.HasPrefix(c.URIs[0].String(), "spiffe://")
}
