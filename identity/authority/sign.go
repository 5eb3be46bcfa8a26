package authority

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/krater-mesh/krater/identity"
)

// ErrOtherIdentity says that a CSR names somebody whom its sender is not.
var ErrOtherIdentity = errors.New("the CSR is for another identity")

// Sign gives a certificate for a CSR's key. What it says is in the claims; the
// CSR may say the same, or nothing. The chain's first is the certificate.
func (a *Authority) Sign(csrPEM []byte, c identity.Claims, ttl time.Duration) ([]*x509.Certificate, error) {
	csr, err := parseCSR(csrPEM)
	if err != nil {
		return nil, err
	}
	if !agrees(csr, c) {
		return nil, ErrOtherIdentity
	}
	chain, _, err := a.certify(csr.PublicKey, c, ttl)
	return chain, err
}

// certify makes the certificate, and gives the bundle that goes with it.
func (a *Authority) certify(public crypto.PublicKey, c identity.Claims, ttl time.Duration) ([]*x509.Certificate, identity.Bundle, error) {
	if err := c.Validate(); err != nil {
		return nil, identity.Bundle{}, err
	}
	uri, err := url.Parse(c.Identity.String())
	if err != nil {
		return nil, identity.Bundle{}, err
	}
	serial, err := a.serial()
	if err != nil {
		return nil, identity.Bundle{}, err
	}
	a.mu.RLock()
	is, bundle := a.issuer, a.bundle
	a.mu.RUnlock()
	start, end, err := a.validity(is, ttl)
	if err != nil {
		return nil, identity.Bundle{}, err
	}
	cert, err := create(&x509.Certificate{
		SerialNumber: serial, NotBefore: start, NotAfter: end,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		URIs:                  []*url.URL{uri},
		DNSNames:              []string{c.DNSName()},
	}, is.cert, public, is.key)
	if err != nil {
		return nil, identity.Bundle{}, fmt.Errorf("signing for %s: %w", c.ID(), err)
	}
	return append([]*x509.Certificate{cert}, is.chain...), bundle, nil
}

// validity begins a little early, since clocks differ, and never outlives what
// it depends on.
func (a *Authority) validity(is issuer, ttl time.Duration) (start, end time.Time, err error) {
	now := a.o.Clock()
	if ttl <= 0 || ttl > a.o.MaxTTL {
		ttl = a.o.MaxTTL
	}
	start, end = now.Add(-skew), now.Add(ttl)
	if start.Before(is.cert.NotBefore) {
		start = is.cert.NotBefore
	}
	if ends := is.ends(); end.After(ends) {
		end = ends
	}
	if !end.After(now) {
		return start, end, fmt.Errorf("the authority's own certificate ended at %s: rotate it", end.Format(time.RFC3339))
	}
	return start, end, nil
}

// Issue makes a key, too: for parts that live in the authority's own process.
func (a *Authority) Issue(c identity.Claims, ttl time.Duration) (identity.Credential, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return identity.Credential{}, fmt.Errorf("making a key for %s: %w", c.ID(), err)
	}
	chain, bundle, err := a.certify(key.Public(), c, ttl)
	if err != nil {
		return identity.Credential{}, err
	}
	return identity.Credential{Claims: c, Chain: chain, Key: key, Bundle: bundle}, nil
}
