package authority

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/krater-mesh/krater/identity"
)

// maxCSR is the most bytes a CSR may have; a good one has a few hundred.
const maxCSR = 8 << 10

var subjectAltName = asn1.ObjectIdentifier{2, 5, 29, 17}

// parseCSR reads a CSR, alone in its PEM, and checks that who made it has the
// key in it.
func parseCSR(text []byte) (*x509.CertificateRequest, error) {
	if len(text) > maxCSR {
		return nil, fmt.Errorf("the CSR has %d bytes, the most is %d", len(text), maxCSR)
	}
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE REQUEST" || len(bytes.TrimSpace(rest)) > 0 || !bytes.HasPrefix(bytes.TrimSpace(text), []byte("-----BEGIN")) {
		return nil, errors.New("the CSR is not one PEM block CERTIFICATE REQUEST")
	}
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("the CSR cannot be read: %w", err)
	}
	key, ok := csr.PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, fmt.Errorf("the CSR's key is %s; only ECDSA with the curve P-256 is signed", keyName(csr))
	}
	if err := csr.CheckSignature(); err != nil {
		return nil, fmt.Errorf("the CSR is not signed by its own key: %w", err)
	}
	for _, e := range csr.Extensions {
		if !e.Id.Equal(subjectAltName) {
			return nil, fmt.Errorf("the CSR asks for the extension %s; a workload's certificate has none but its names", e.Id)
		}
	}
	return csr, nil
}

func keyName(csr *x509.CertificateRequest) string {
	if key, ok := csr.PublicKey.(*ecdsa.PublicKey); ok {
		return "ECDSA with the curve " + key.Curve.Params().Name
	}
	return csr.PublicKeyAlgorithm.String()
}

// named lists what a CSR asks to be called, for whoever reads a refusal.
func named(csr *x509.CertificateRequest) string {
	var out []string
	for _, u := range csr.URIs {
		out = append(out, u.String())
	}
	out = append(out, csr.DNSNames...)
	out = append(out, csr.EmailAddresses...)
	for _, ip := range csr.IPAddresses {
		out = append(out, ip.String())
	}
	if csr.Subject.CommonName != "" {
		out = append(out, "CN="+csr.Subject.CommonName)
	}
	if text := strings.Join(out, " "); len(text) > 512 {
		return text[:512] + "…"
	} else {
		return text
	}
}

// agrees tells whether a CSR names nobody, or the one whom its sender proved
// to be. Its other subject fields are nobody's identity, and are left out of
// the certificate.
func agrees(csr *x509.CertificateRequest, c identity.Claims) bool {
	for _, u := range csr.URIs {
		if u.String() != c.Identity.String() {
			return false
		}
	}
	for _, name := range csr.DNSNames {
		if name != c.DNSName() {
			return false
		}
	}
	cn := csr.Subject.CommonName
	return len(csr.IPAddresses) == 0 && len(csr.EmailAddresses) == 0 && (cn == "" || cn == c.DNSName() || cn == c.Identity.String())
}
