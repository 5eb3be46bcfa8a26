package authority

import (
	"crypto/tls"
	"time"

	"github.com/krater-mesh/krater/identity"
)

// ServerTLS serves as the mesh's control plane, with a certificate that is
// always of the root that signs now, and in its first half.
func (a *Authority) ServerTLS() *tls.Config {
	return identity.ServerTLS(a.current, a.o.Clock)
}

// current is the control plane's own credential.
func (a *Authority) current() (identity.Credential, bool) {
	now := a.o.Clock()
	a.mu.RLock()
	own, bundle := a.own, a.bundle
	a.mu.RUnlock()
	if len(own.Chain) > 0 && own.Bundle.Version() == bundle.Version() && now.Before(half(own)) {
		return own, true
	}
	fresh, err := a.Issue(identity.System(bundle.TrustDomain, identity.ControlPlane), 0)
	if err != nil {
		a.o.Logger.Error("the control plane has no certificate of its own", "reason", err)
		return identity.Credential{}, false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.own = fresh
	return fresh, true
}

func half(c identity.Credential) time.Time {
	from := c.Leaf().NotBefore.Add(skew)
	return from.Add(c.Leaf().NotAfter.Sub(from) / 2)
}
