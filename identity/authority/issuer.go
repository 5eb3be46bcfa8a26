package authority

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"time"

	"github.com/krater-mesh/krater/identity"
)

// rootTTL is how long a root is good for that is made here.
const rootTTL = 10 * 365 * 24 * time.Hour

// skew is how far the clocks of two machines may be apart.
const skew = 2 * time.Minute

// issuer is who signs.
type issuer struct {
	cert *x509.Certificate
	key  crypto.Signer
	// chain leads from cert to the roots: what a holder shows after its own
	// certificate. Empty where cert is a root that everybody has.
	chain []*x509.Certificate
}

func (is issuer) id() string { return hex.EncodeToString(is.cert.SubjectKeyId) }

// shown are all its certificates: equal ones are equal issuers.
func (is issuer) shown() []*x509.Certificate {
	return append([]*x509.Certificate{is.cert}, is.chain...)
}

// ends is when the first of those ends that a certificate of it depends on.
func (is issuer) ends() time.Time {
	end := is.cert.NotAfter
	for _, c := range is.chain {
		if c.NotAfter.Before(end) {
			end = c.NotAfter
		}
	}
	return end
}

func newKey() (string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", fmt.Errorf("making a key: %w", err)
	}
	return string(identity.EncodeKey(key)), nil
}

// newRoot makes a root with a name of its own: by it a proxy tells two roots
// of one mesh apart.
func (a *Authority) newRoot(trustDomain string) (keptRoot, error) {
	text, err := newKey()
	if err != nil {
		return keptRoot{}, err
	}
	key, err := identity.ParseKey([]byte(text))
	if err != nil {
		return keptRoot{}, err
	}
	serial, err := a.serial()
	if err != nil {
		return keptRoot{}, err
	}
	now := a.o.Clock()
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{Organization: []string{trustDomain}, CommonName: "Krater root " + serial.Text(16)[:8]},
		NotBefore:             now.Add(-skew),
		NotAfter:              now.Add(rootTTL),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		URIs:                  []*url.URL{{Scheme: "spiffe", Host: trustDomain}},
	}
	cert, err := create(template, template, key.Public(), key)
	if err != nil {
		return keptRoot{}, fmt.Errorf("making a root: %w", err)
	}
	return keptRoot{Role: roleCurrent, Certificate: encode(cert), Key: text, Since: now.UTC()}, nil
}

// cross is a root's certificate as another root signs it: those who know only
// that other one take it for an intermediate.
func (a *Authority) cross(of *x509.Certificate, by issuer) (*x509.Certificate, error) {
	serial, err := a.serial()
	if err != nil {
		return nil, err
	}
	end := of.NotAfter
	if by.cert.NotAfter.Before(end) {
		end = by.cert.NotAfter
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: of.Subject, NotBefore: of.NotBefore, NotAfter: end,
		KeyUsage: of.KeyUsage, BasicConstraintsValid: true, IsCA: true,
		SubjectKeyId: of.SubjectKeyId, URIs: of.URIs,
	}
	cert, err := create(template, by.cert, of.PublicKey, by.key)
	if err != nil {
		return nil, fmt.Errorf("signing the new root by the old one: %w", err)
	}
	return cert, nil
}

func create(template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// serial is 127 random bits, never zero.
func (a *Authority) serial() (*big.Int, error) {
	for {
		n, err := rand.Int(a.o.Random, new(big.Int).Lsh(big.NewInt(1), 127))
		if err != nil {
			return nil, fmt.Errorf("drawing a serial number: %w", err)
		}
		if n.BitLen() > 64 {
			return n, nil
		}
	}
}

func encode(certs ...*x509.Certificate) string { return string(identity.EncodeCertificates(certs)) }

func decodeOne(text string) (*x509.Certificate, error) {
	certs, err := identity.ParseCertificates([]byte(text))
	if err != nil {
		return nil, err
	}
	if len(certs) != 1 {
		return nil, errors.New("one certificate is wanted")
	}
	return certs[0], nil
}
