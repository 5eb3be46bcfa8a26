package identity

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spiffe/go-spiffe/v2/bundle/x509bundle"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
)

// Bundle is what a mesh trusts: its roots, for its own trust domain and for
// the names it had before.
type Bundle struct {
	TrustDomain string
	Aliases     []string
	Roots       []*x509.Certificate
	// Issuer is the key identifier, in hex, of who signs now; empty where
	// nobody said. A certificate of another issuer is to be renewed.
	Issuer string
}

// TrustDomains are those whose members are ours, the mesh's own first.
func (b Bundle) TrustDomains() []string {
	out := []string{b.TrustDomain}
	for _, a := range b.Aliases {
		if !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

// CheckTrustDomains tells whether identities can have these: one that cannot
// would keep a bundle from verifying anybody.
func CheckTrustDomains(own string, aliases []string) error {
	for _, name := range append([]string{own}, aliases...) {
		if err := System(name, ControlPlane).Validate(); err != nil {
			return fmt.Errorf("%q is no trust domain: it has lower-case letters, digits, dots and dashes", name)
		}
	}
	return nil
}

// PEM is the roots as a file holds them.
func (b Bundle) PEM() []byte { return EncodeCertificates(b.Roots) }

// Version is a hash of the whole: equal bundles have the same.
func (b Bundle) Version() string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q\n%s", b.TrustDomains(), b.Issuer, b.PEM())
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// Verify tells whose certificate it is, at a time. The chain's first is the
// holder's, the others lead to one of the roots.
func (b Bundle) Verify(chain []*x509.Certificate, now time.Time) (Claims, error) {
	set := x509bundle.NewSet()
	for _, name := range b.TrustDomains() {
		td, err := spiffeid.TrustDomainFromString(name)
		if err != nil {
			return Claims{}, fmt.Errorf("the mesh's trust domain %q: %w", name, err)
		}
		set.Add(x509bundle.FromX509Authorities(td, b.Roots))
	}
	if _, _, err := x509svid.Verify(chain, set, x509svid.WithTime(now)); err != nil {
		return Claims{}, err
	}
	return ClaimsOf(chain[0])
}

// ParseBundle reads one root or more.
func ParseBundle(trustDomain string, text []byte) (Bundle, error) {
	if err := CheckTrustDomains(trustDomain, nil); err != nil {
		return Bundle{}, err
	}
	roots, err := ParseCertificates(text)
	if err != nil {
		return Bundle{}, fmt.Errorf("reading the root certificates: %w", err)
	}
	for _, r := range roots {
		if !r.IsCA || !r.BasicConstraintsValid {
			return Bundle{}, fmt.Errorf("reading the root certificates: %s may not sign others", r.Subject)
		}
	}
	return Bundle{TrustDomain: trustDomain, Roots: roots}, nil
}

// maxCertificates is more than any chain or bundle has.
const maxCertificates = 16

// ParseCertificates reads certificates in PEM, at least one, and nothing else.
func ParseCertificates(text []byte) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	for rest := bytes.TrimSpace(text); len(rest) > 0; rest = bytes.TrimSpace(rest) {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		switch {
		case block == nil:
			return nil, errors.New("this is not PEM")
		case block.Type != "CERTIFICATE":
			return nil, fmt.Errorf("a %s is not a certificate", block.Type)
		case len(out) == maxCertificates:
			return nil, fmt.Errorf("more than %d certificates", maxCertificates)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		out = append(out, cert)
	}
	if len(out) == 0 {
		return nil, errors.New("there is no certificate")
	}
	return out, nil
}

// EncodeCertificates writes certificates in PEM.
func EncodeCertificates(certs []*x509.Certificate) []byte {
	var b bytes.Buffer
	for _, c := range certs {
		pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}) // a buffer takes everything
	}
	return b.Bytes()
}
