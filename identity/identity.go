// Package identity says who a certificate is for: SPIFFE identities, the
// roots a mesh trusts, a key with its certificate, and TLS made of them. It
// turns certificates into Claims and refuses whatever is not certain. It
// issues nothing: authority does, and keeper asks for it.
package identity

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/krater-mesh/krater/model"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
)

// SystemNamespace is where Krater's own parts have their identities.
const SystemNamespace = "krater-system"

// The names of Krater's parts in SystemNamespace.
const (
	ControlPlane = "controlplane"
	Policyd      = "policyd"
	Collector    = "collector"
)

// Claims is what a certificate says of its holder: the identity in its URI,
// and the workload in its DNS name.
type Claims struct {
	model.Identity
	Workload string `json:"workload"`
}

// System is who one of Krater's own parts is.
func System(trustDomain, name string) Claims {
	return Claims{model.Identity{TrustDomain: trustDomain, Namespace: SystemNamespace, ServiceAccount: name}, name}
}

// DNSName is the name beside the identity.
func (c Claims) DNSName() string {
	return model.Workload{Name: c.Workload, Namespace: c.Namespace}.DNSName(c.TrustDomain)
}

// ID is the workload's "namespace/name", as everywhere in Krater.
func (c Claims) ID() string { return c.Namespace + "/" + c.Workload }

// Validate tells whether a certificate can say this, so that reading it back
// gives the same.
func (c Claims) Validate() error {
	if back, err := model.ParseIdentity(c.Identity.String()); err != nil || back != c.Identity {
		return fmt.Errorf("%q is no identity", c.Identity)
	}
	if _, err := spiffeid.FromString(c.Identity.String()); err != nil {
		return fmt.Errorf("%q is no SPIFFE ID: %w", c.Identity, err)
	}
	namespace, workload, ok := model.ParseDNSName(c.DNSName(), c.TrustDomain)
	if !ok || namespace != c.Namespace || workload != c.Workload || len(c.DNSName()) > 253 {
		return fmt.Errorf("%q is no workload's name", c.DNSName())
	}
	return nil
}

// ClaimsOf reads a certificate that somebody else verified: one identity and
// one workload's name that belongs to it, nothing else.
func ClaimsOf(cert *x509.Certificate) (Claims, error) {
	switch {
	case len(cert.URIs) != 1 || len(cert.DNSNames) != 1:
		return Claims{}, fmt.Errorf("the certificate has %d URIs and %d DNS names; one of each says who it is for", len(cert.URIs), len(cert.DNSNames))
	case len(cert.IPAddresses)+len(cert.EmailAddresses) > 0:
		return Claims{}, errors.New("the certificate names addresses, which no workload's does")
	}
	id, err := model.ParseIdentity(cert.URIs[0].String())
	if err != nil {
		return Claims{}, err
	}
	namespace, workload, ok := model.ParseDNSName(cert.DNSNames[0], id.TrustDomain)
	if !ok || namespace != id.Namespace {
		return Claims{}, fmt.Errorf("the DNS name %q is no workload's of %s", cert.DNSNames[0], id)
	}
	return Claims{id, workload}, nil
}

// MemberName is the workload's name of a group's member at an address.
func MemberName(group string, a netip.Addr) string {
	a = a.Unmap().WithZone("")
	return group + "-" + strings.NewReplacer(".", "-", ":", "-").Replace(a.StringExpanded())
}
