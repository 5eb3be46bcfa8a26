package crds

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"slices"
	"time"

	"github.com/krater-mesh/krater/model"
)

// SecretData is what TLS settings and filters read of a Secret. It is kept on
// disk as it is, in a file of its owner's; elsewhere secrets are model.Secrets
// and model.SecretValues.
type SecretData struct {
	Certificate []byte `json:"certificate,omitempty"` // PEM, leaf first
	PrivateKey  []byte `json:"privateKey,omitempty"`
	CA          []byte `json:"ca,omitempty"`
	CRL         []byte `json:"crl,omitempty"`
	// Registries is docker's configuration: the users of registries, for
	// pulling Wasm modules.
	Registries []byte `json:"registries,omitempty"`
	// Values are those of its other keys, for filters.
	Values map[string][]byte `json:"values,omitempty"`
	// NotAfter is the end of the certificate, or of the CA's where there is
	// none, and Names are the hosts that it is for.
	NotAfter time.Time `json:"notAfter,omitzero"`
	Names    []string  `json:"names,omitempty"`
}

type secretBody struct {
	Type       string            `json:"type"`
	Immutable  bool              `json:"immutable"`
	Data       map[string]string `json:"data"` // base64
	StringData map[string]string `json:"stringData"`
}

// The names of a Secret's parts: Kubernetes' and cert-manager's, and Istio's
// older ones, which come first.
var (
	secretCertificate = []string{"cert", "tls.crt"}
	secretPrivateKey  = []string{"key", "tls.key"}
	secretCA          = []string{"cacert", "ca.crt"}
	secretCRL         = []string{"crl", "ca.crl"}
)

func convertSecret(c *conversion) Content {
	in := &secretBody{}
	if !c.read(in) {
		return Content{}
	}
	data := c.secretValues(in)
	out := &SecretData{}
	var atCertificate, atKey, atCA, atCRL string
	for i := range secretCertificate { // a pair is of one naming
		if out.Certificate, out.PrivateKey = data[secretCertificate[i]].value, data[secretPrivateKey[i]].value; out.Certificate != nil && out.PrivateKey != nil {
			atCertificate, atKey = data[secretCertificate[i]].field, data[secretPrivateKey[i]].field
			break
		}
	}
	out.CA, atCA = data.first(secretCA)
	out.CRL, atCRL = data.first(secretCRL)
	switch {
	case atCertificate != "":
		c.keyPair(out, atCertificate, atKey)
	case in.Type == "kubernetes.io/tls":
		c.missing("data", "a Secret of type kubernetes.io/tls has tls.crt and tls.key")
	default:
		c.registries(out, in.Type, data)
	}
	taken := []string{atCA, atCRL, join("data", dockerConfig), join("stringData", dockerConfig)}
	if atCertificate != "" {
		taken = append(taken, atCertificate, atKey)
	}
	out.Values = data.but(taken)
	c.authority(out, atCA)
	if block, _ := pem.Decode(out.CRL); out.CRL != nil && (block == nil || revocations(block.Bytes) != nil) {
		c.add(model.Error, model.CodeBadCredential, atCRL, "", "it is no list of revoked certificates in PEM")
	}
	if _, ok := data["tls.ocsp-staple"]; ok {
		c.ignore(data["tls.ocsp-staple"].field, "OCSP responses are not stapled")
	}
	return Content{Secret: out}
}

func revocations(der []byte) error {
	_, err := x509.ParseRevocationList(der)
	return err
}

// secretPart is a value, and where it stands.
type secretPart struct {
	value []byte
	field string
}

type secretParts map[string]secretPart

func (p secretParts) first(names []string) ([]byte, string) {
	for _, n := range names {
		if part, ok := p[n]; ok {
			return part.value, part.field
		}
	}
	return nil, ""
}

// but are the values that filters may name: those that nothing else takes. A
// certificate's key is its own.
func (p secretParts) but(taken []string) map[string][]byte {
	out := map[string][]byte{}
	for name, part := range p {
		if !slices.Contains(taken, part.field) {
			out[name] = part.value
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// secretValues decodes data; stringData wins, as in Kubernetes.
func (c *conversion) secretValues(in *secretBody) secretParts {
	out := secretParts{}
	for name, text := range in.Data {
		at := join("data", name)
		v, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			c.add(model.Error, model.CodeInvalidValue, at, "write plain text under stringData", "it is not base64")
		}
		out[name] = secretPart{v, at}
	}
	for name, text := range in.StringData {
		out[name] = secretPart{[]byte(text), join("stringData", name)}
	}
	return out
}

// keyPair checks the pair as Envoy will, without a word of its content.
func (c *conversion) keyPair(out *SecretData, atCertificate, atKey string) {
	leaf := certificatesIn(out.Certificate)
	block, _ := pem.Decode(out.PrivateKey)
	switch {
	case c.reported(atCertificate) || c.reported(atKey):
	case len(leaf) == 0:
		c.add(model.Error, model.CodeBadCredential, atCertificate, "", "it is no certificate in PEM")
	case block == nil || !bytes.Contains([]byte(block.Type), []byte("PRIVATE KEY")):
		c.add(model.Error, model.CodeBadCredential, atKey, "", "it is no private key in PEM")
	default:
		if _, err := tls.X509KeyPair(out.Certificate, out.PrivateKey); err != nil {
			c.add(model.Error, model.CodeBadCredential, atKey, "", "it is not the certificate's private key, or is encrypted or broken")
		}
	}
	if len(leaf) > 0 {
		out.NotAfter, out.Names = leaf[0].NotAfter, leaf[0].DNSNames
	}
}

func (c *conversion) authority(out *SecretData, at string) {
	if out.CA == nil {
		return
	}
	cas := certificatesIn(out.CA)
	if len(cas) == 0 && !c.reported(at) {
		c.add(model.Error, model.CodeBadCredential, at, "", "it is no certificate in PEM")
	}
	for _, ca := range cas {
		if out.Certificate == nil && (out.NotAfter.IsZero() || ca.NotAfter.Before(out.NotAfter)) {
			out.NotAfter = ca.NotAfter
		}
	}
}

// certificatesIn gives all certificates of a PEM text; none if one is broken.
func certificatesIn(text []byte) []*x509.Certificate {
	var out []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil
		}
		out = append(out, cert)
	}
	return out
}
