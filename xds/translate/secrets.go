package translate

import (
	"path/filepath"
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"

	"github.com/krater-mesh/krater/model"
)

// secretUse is a secret that a TLS context refers to: a certificate with its
// key, or the authorities that others' certificates are checked with. Its name
// says all, so that equal uses are one resource:
//
//	kubernetes://NAMESPACE/NAME            a Secret's certificate and key
//	kubernetes://NAMESPACE/NAME-cacert     a Secret's authorities
//	file-cert:CERTIFICATE~KEY              files on the proxy's machine
//	file-root:AUTHORITIES[~CRL]             "system" is what the machine trusts
type secretUse struct {
	authorities bool
	namespace   string // of a Secret
	secret      string // its name; "" where it is files
	certificate string // or the authorities' file
	key         string // or the CRL's file
}

// The authorities that a machine trusts. Envoy's own system_root_certs counts
// for none where names are checked, too.
const (
	systemAuthorities     = "system"
	systemAuthoritiesFile = "/etc/ssl/certs/ca-certificates.crt"
)

func (u secretUse) name() string {
	switch {
	case u.secret != "" && u.authorities:
		return "kubernetes://" + u.namespace + "/" + strings.TrimSuffix(u.secret, "-cacert") + "-cacert"
	case u.secret != "":
		return "kubernetes://" + u.namespace + "/" + u.secret
	case u.authorities && u.key != "":
		return "file-root:" + u.certificate + "~" + u.key
	case u.authorities:
		return "file-root:" + u.certificate
	}
	return "file-cert:" + u.certificate + "~" + u.key
}

// reference is how a TLS context names the secret.
func (u secretUse) reference() *tlsv3.SdsSecretConfig {
	return &tlsv3.SdsSecretConfig{Name: u.name(), SdsConfig: overADS()}
}

// secretInput is what a secret's resource is made of.
type secretInput struct {
	use    secretUse
	secret *model.Secret // nil: files, or it is not there
}

// secretPart makes the resource. There is none of a Secret that is not there:
// what needs it accepts no connection, and everything else goes on.
func secretPart(in secretInput) *Part {
	if in.use.secret != "" && in.secret == nil {
		return &Part{}
	}
	out := &tlsv3.Secret{Name: in.use.name()}
	if in.use.authorities {
		out.Type = &tlsv3.Secret_ValidationContext{ValidationContext: in.authorities()}
	} else {
		out.Type = &tlsv3.Secret_TlsCertificate{TlsCertificate: in.certificate()}
	}
	return &Part{Resources: Resources{Secrets: []*tlsv3.Secret{out}}}
}

func (in secretInput) certificate() *tlsv3.TlsCertificate {
	if in.use.secret == "" {
		return &tlsv3.TlsCertificate{CertificateChain: file(in.use.certificate), PrivateKey: file(in.use.key),
			WatchedDirectory: &corev3.WatchedDirectory{Path: filepath.Dir(in.use.certificate)}}
	}
	if in.secret == nil {
		return &tlsv3.TlsCertificate{}
	}
	return &tlsv3.TlsCertificate{CertificateChain: content(in.secret.Certificate), PrivateKey: content(in.secret.PrivateKey)}
}

func (in secretInput) authorities() *tlsv3.CertificateValidationContext {
	if in.use.secret == "" {
		path := in.use.certificate
		if path == systemAuthorities {
			path = systemAuthoritiesFile
		}
		out := &tlsv3.CertificateValidationContext{TrustedCa: file(path),
			WatchedDirectory: &corev3.WatchedDirectory{Path: filepath.Dir(path)}}
		if in.use.key != "" {
			out.Crl = file(in.use.key)
		}
		return out
	}
	out := &tlsv3.CertificateValidationContext{}
	if in.secret != nil {
		out.TrustedCa = content(in.secret.CA)
		if len(in.secret.CRL) > 0 {
			out.Crl = content(in.secret.CRL)
		}
	}
	return out
}

func file(path string) *corev3.DataSource {
	return &corev3.DataSource{Specifier: &corev3.DataSource_Filename{Filename: path}}
}

func content(b model.Sensitive) *corev3.DataSource {
	return &corev3.DataSource{Specifier: &corev3.DataSource_InlineBytes{InlineBytes: b}}
}

// secrets makes the resources of all secrets that parts refer to, each once.
func (r *round) secretsOf(parts []*Part) *Part {
	var uses []secretUse
	for _, p := range parts {
		uses = append(uses, p.secrets...)
	}
	slices.SortFunc(uses, func(a, b secretUse) int { return strings.Compare(a.name(), b.name()) })
	var found []*Part
	for i, u := range uses {
		if i > 0 && u.name() == uses[i-1].name() {
			continue
		}
		in := secretInput{use: u}
		if u.secret != "" {
			in.secret = r.secretFor(u)
		}
		found = append(found, r.secrets.of(in))
	}
	return r.joined.of(joinInput{found})
}

// secretFor finds a use's Secret. Authorities may have a Secret of their own,
// "NAME-cacert", which comes first, as in Istio.
func (r *round) secretFor(u secretUse) *model.Secret {
	if u.authorities {
		if s := r.snap.Secret(u.namespace, strings.TrimSuffix(u.secret, "-cacert")+"-cacert"); s != nil {
			return s
		}
	}
	return r.snap.Secret(u.namespace, u.secret)
}
