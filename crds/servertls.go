package crds

import (
	"encoding/base64"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/krater-mesh/krater/model"
)

// serverTLS converts the settings of a server, of a gateway or a sidecar.
func (c *conversion) serverTLS(t *networking.ServerTLSSettings, at string) *model.ServerTLS {
	out := &model.ServerTLS{Mode: model.TLSMode(t.GetMode().String())}
	if out.Mode == model.TLSPassthrough || out.Mode == model.TLSAutoPassthrough {
		if usesCertificates(t) {
			c.add(model.Warning, model.CodeInvalidValue, at+".mode", "write mode: SIMPLE where the gateway is to decrypt",
				"%s uses no certificates: they have no effect", passthroughName(out.Mode))
		}
		return out
	}
	if out.Mode == model.TLSIstioMutual {
		c.workloadCertificate(t, out, at)
	} else {
		c.certificates(t, out, at)
		c.clientCertificates(t, out, at)
	}
	out.MinVersion, out.MaxVersion = tlsVersion(t.GetMinProtocolVersion()), tlsVersion(t.GetMaxProtocolVersion())
	if out.MinVersion != "" && out.MaxVersion != "" && out.MinVersion > out.MaxVersion {
		c.bad(at+".minProtocolVersion", "it is greater than maxProtocolVersion")
	}
	out.CipherSuites = c.cipherSuites(t.GetCipherSuites(), at+".cipherSuites")
	if old := out.MinVersion == "TLSV1_0" || out.MinVersion == "TLSV1_1"; old && len(out.CipherSuites) == 0 {
		c.warn(at+".minProtocolVersion", "clients of %s find no cipher suite: give cipherSuites that it knows", out.MinVersion)
	}
	return out
}

func passthroughName(m model.TLSMode) string {
	if m == model.TLSPassthrough {
		return "PASSTHROUGH, the mode of settings without one,"
	}
	return string(m)
}

// workloadCertificate: the server shows the workload's own certificate, and
// wants one of the mesh.
func (c *conversion) workloadCertificate(t *networking.ServerTLSSettings, out *model.ServerTLS, at string) {
	for name, given := range map[string]bool{
		"serverCertificate": t.GetServerCertificate() != "", "privateKey": t.GetPrivateKey() != "", "caCertificates": t.GetCaCertificates() != "",
		"credentialName": t.GetCredentialName() != "", "credentialNames": len(t.GetCredentialNames()) > 0, "tlsCertificates": len(t.GetTlsCertificates()) > 0,
		"caCertCredentialName": t.GetCaCertCredentialName() != "",
	} {
		if given {
			c.bad(at+"."+name, "ISTIO_MUTUAL shows the workload's own certificate, and trusts the mesh's authority")
		}
	}
	for name, given := range map[string]bool{
		"caCrl": t.GetCaCrl() != "", "verifyCertificateSpki": len(t.GetVerifyCertificateSpki()) > 0, "verifyCertificateHash": len(t.GetVerifyCertificateHash()) > 0,
		"insecureSkipVerify": t.GetInsecureSkipVerify().GetValue(),
	} {
		if given {
			c.ignore(at+"."+name, "clients are checked by the mesh's authority: it has no effect with ISTIO_MUTUAL")
		}
	}
	out.SubjectAltNames = t.GetSubjectAltNames()
}

func usesCertificates(t *networking.ServerTLSSettings) bool {
	return t.GetServerCertificate() != "" || t.GetPrivateKey() != "" || t.GetCaCertificates() != "" || t.GetCaCrl() != "" ||
		t.GetCredentialName() != "" || len(t.GetCredentialNames()) > 0 || len(t.GetTlsCertificates()) > 0
}

func tlsVersion(v networking.ServerTLSSettings_TLSProtocol) string {
	if v == networking.ServerTLSSettings_TLS_AUTO {
		return ""
	}
	return v.String()
}

// certificates are what the server shows: from exactly one source.
func (c *conversion) certificates(t *networking.ServerTLSSettings, out *model.ServerTLS, at string) {
	certificate, key := t.GetServerCertificate(), t.GetPrivateKey()
	if t.GetCredentialName() != "" && certificate == "sds" {
		c.old(at+".serverCertificate", "sds", "leave serverCertificate and privateKey out: credentialName is enough")
		certificate, key = "", ""
	}
	var sources []string
	if t.GetCredentialName() != "" {
		sources = append(sources, "credentialName")
		out.Credentials = []string{c.credential(t.GetCredentialName(), at+".credentialName")}
	}
	if len(t.GetCredentialNames()) > 0 {
		sources = append(sources, "credentialNames")
		for i, n := range t.GetCredentialNames() {
			out.Credentials = append(out.Credentials, c.credential(n, index(at+".credentialNames", i)))
		}
	}
	if len(t.GetTlsCertificates()) > 0 {
		sources = append(sources, "tlsCertificates")
		for i, f := range t.GetTlsCertificates() {
			if f.GetCaCertificates() != "" {
				c.ignore(index(at+".tlsCertificates", i)+".caCertificates", "the CA of clients is one for the server: write tls.caCertificates (Istio does not read it either)")
			}
			out.Certificates = append(out.Certificates, c.certificateFiles(f.GetServerCertificate(), f.GetPrivateKey(), index(at+".tlsCertificates", i)))
		}
	}
	if certificate != "" || key != "" {
		sources = append(sources, "serverCertificate")
		out.Certificates = append(out.Certificates, c.certificateFiles(certificate, key, at))
	}
	switch {
	case len(sources) == 0:
		c.add(model.Error, model.CodeMissing, at, "write credentialName, the name of a Secret", "a server of mode %s has a certificate", out.Mode)
	case len(sources) > 1:
		c.bad(at+"."+sources[len(sources)-1], "give only one of %s", strings.Join(sources, ", "))
	case len(out.Credentials) > 2 || len(out.Certificates) > 2:
		c.bad(at+"."+sources[0], "a server has at most two certificates: an RSA and an ECDSA one")
	}
}

func (c *conversion) certificateFiles(certificate, key, at string) model.CertificateFiles {
	if certificate == "" {
		c.missing(at+".serverCertificate", "a private key has a certificate")
	}
	if key == "" {
		c.missing(at+".privateKey", "a certificate has a private key")
	}
	return model.CertificateFiles{Certificate: certificate, PrivateKey: key}
}

// credential reads a Secret's name; Istio's own prefix for it says nothing.
func (c *conversion) credential(name, field string) string {
	bare := strings.TrimPrefix(name, "kubernetes://")
	if scheme, _, ok := strings.Cut(bare, "://"); ok {
		c.refuse(field, "%s:// is not supported: a credential is a Secret's name", scheme)
	} else if !dnsName.MatchString(bare) {
		c.bad(field, "%q is no Secret's name: Secrets are those of the proxy's own namespace", name)
	}
	return bare
}

// clientCertificates are what clients must show.
func (c *conversion) clientCertificates(t *networking.ServerTLSSettings, out *model.ServerTLS, at string) {
	verified := map[string]bool{"caCertificates": t.GetCaCertificates() != "", "caCrl": t.GetCaCrl() != "",
		"caCertCredentialName": t.GetCaCertCredentialName() != "", "subjectAltNames": len(t.GetSubjectAltNames()) > 0,
		"verifyCertificateSpki": len(t.GetVerifyCertificateSpki()) > 0, "verifyCertificateHash": len(t.GetVerifyCertificateHash()) > 0,
		"insecureSkipVerify": t.GetInsecureSkipVerify().GetValue()}
	if out.Mode == model.TLSSimple {
		for _, f := range slices.Sorted(maps.Keys(verified)) {
			if verified[f] {
				c.warn(at+"."+f, "only MUTUAL and OPTIONAL_MUTUAL ask for the client's certificate: it has no effect")
			}
		}
		return
	}
	byFile := len(out.Credentials) == 0
	if byFile {
		out.CACertificates, out.CRL = t.GetCaCertificates(), t.GetCaCrl()
	} else {
		for _, f := range []string{"caCertificates", "caCrl"} {
			if verified[f] {
				c.warn(at+"."+f, "the credential has its own: it has no effect")
			}
		}
	}
	if n := t.GetCaCertCredentialName(); n != "" {
		out.CACredential = c.credential(n, at+".caCertCredentialName")
	} else if byFile && out.CACertificates == "" {
		c.missing(at+".caCertificates", "mode %s needs the CA of the clients' certificates", out.Mode)
	}
	out.SubjectAltNames, out.InsecureSkipVerify = t.GetSubjectAltNames(), verified["insecureSkipVerify"]
	for i, h := range t.GetVerifyCertificateSpki() {
		if sum, err := base64.StdEncoding.DecodeString(h); err != nil || len(sum) != 32 {
			c.bad(index(at+".verifyCertificateSpki", i), "want the base64 of a SHA-256")
		}
		out.SPKI = append(out.SPKI, h)
	}
	for i, h := range t.GetVerifyCertificateHash() {
		bare := strings.ToLower(strings.ReplaceAll(h, ":", ""))
		if sum, err := hex.DecodeString(bare); err != nil || len(sum) != 32 {
			c.bad(index(at+".verifyCertificateHash", i), "want the hex digits of a SHA-256")
		}
		out.Hashes = append(out.Hashes, bare)
	}
}

// cipherSuites drops what Envoy does not know, as Istio does: it would refuse
// the whole listener.
func (c *conversion) cipherSuites(names []string, field string) []string {
	var out []string
	for i, n := range names {
		switch {
		case !slices.Contains(knownCipherSuites, n):
			c.add(model.Warning, model.CodeInvalidValue, index(field, i), meant(n, knownCipherSuites),
				"%q is no cipher suite of the proxy's: it is left out", n)
		case slices.Contains(out, n):
			c.warn(index(field, i), "the suite %s is given twice", n)
		default:
			out = append(out, n)
		}
	}
	return out
}

// knownCipherSuites are those of Envoy 1.40 for certificates, up to TLS 1.2:
// those of TLS 1.3 cannot be chosen.
var knownCipherSuites = []string{
	"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
	"ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES128-SHA256", "ECDHE-RSA-AES128-SHA256",
	"ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA", "ECDHE-RSA-AES256-SHA",
	"AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA", "AES256-SHA", "DES-CBC3-SHA",
}
