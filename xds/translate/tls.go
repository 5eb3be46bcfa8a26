package translate

import (
	"slices"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

// decrypt ends TLS as a server says. Certificates come by SDS, so a new one is
// no other listener.
func (p *proxy) decrypt(t *model.ServerTLS, http bool) *corev3.TransportSocket {
	if t.Mode == model.TLSIstioMutual {
		return p.decryptMutual(t, http)
	}
	common := &tlsv3.CommonTlsContext{
		TlsParams: &tlsv3.TlsParameters{
			TlsMinimumProtocolVersion: tlsVersion(t.MinVersion), TlsMaximumProtocolVersion: tlsVersion(t.MaxVersion), CipherSuites: t.CipherSuites,
		},
	}
	if http {
		common.AlpnProtocols = []string{"h2", "http/1.1"}
	}
	for _, use := range p.certificates(t) {
		common.TlsCertificateSdsSecretConfigs = append(common.TlsCertificateSdsSecretConfigs, p.refer(use))
	}
	out := &tlsv3.DownstreamTlsContext{CommonTlsContext: common}
	if t.Mode == model.TLSMutual || t.Mode == model.TLSOptionalMutual {
		// A resumed session's client is not verified again: no policy on who
		// calls would see it.
		out.SessionTicketKeysType = &tlsv3.DownstreamTlsContext_DisableStatelessSessionResumption{DisableStatelessSessionResumption: true}
		out.DisableStatefulSessionResumption = true
		out.RequireClientCertificate = wrapperspb.Bool(t.Mode == model.TLSMutual)
		common.ValidationContextType = &tlsv3.CommonTlsContext_CombinedValidationContext{
			CombinedValidationContext: &tlsv3.CommonTlsContext_CombinedCertificateValidationContext{
				DefaultValidationContext:         clientValidation(t),
				ValidationContextSdsSecretConfig: p.refer(p.authorities(t)),
			},
		}
	}
	return tlsSocket(pack(out))
}

// verifiesClients tells whether a client's certificate, where there is one, is
// by an authority that the server trusts.
func verifiesClients(t *model.ServerTLS) bool {
	return t != nil && !t.InsecureSkipVerify && (t.Mode == model.TLSMutual || t.Mode == model.TLSOptionalMutual || t.Mode == model.TLSIstioMutual)
}

// refer names a secret, which the proxy then gets.
func (p *proxy) refer(use secretUse) *tlsv3.SdsSecretConfig {
	if !slices.Contains(p.secrets, use) {
		p.secrets = append(p.secrets, use)
	}
	return use.reference()
}

func (p *proxy) certificates(t *model.ServerTLS) []secretUse {
	var out []secretUse
	for _, name := range t.Credentials {
		out = append(out, secretUse{namespace: p.w.Namespace, secret: name})
	}
	if len(out) == 0 {
		for _, c := range t.Certificates {
			out = append(out, secretUse{certificate: c.Certificate, key: c.PrivateKey})
		}
	}
	return out
}

// authorities are what clients' certificates are checked with.
func (p *proxy) authorities(t *model.ServerTLS) secretUse {
	switch {
	case t.CACredential != "":
		return secretUse{authorities: true, namespace: p.w.Namespace, secret: t.CACredential}
	case len(t.Credentials) > 0:
		return secretUse{authorities: true, namespace: p.w.Namespace, secret: t.Credentials[0]}
	}
	return secretUse{authorities: true, certificate: t.CACertificates, key: t.CRL}
}

// clientValidation is what a client's certificate must have beside a chain to
// an authority.
func clientValidation(t *model.ServerTLS) *tlsv3.CertificateValidationContext {
	out := &tlsv3.CertificateValidationContext{VerifyCertificateSpki: t.SPKI, VerifyCertificateHash: t.Hashes}
	if t.InsecureSkipVerify {
		out.TrustChainVerification = tlsv3.CertificateValidationContext_ACCEPT_UNTRUSTED
	}
	for _, name := range t.SubjectAltNames {
		for _, kind := range []tlsv3.SubjectAltNameMatcher_SanType{
			tlsv3.SubjectAltNameMatcher_DNS, tlsv3.SubjectAltNameMatcher_URI, tlsv3.SubjectAltNameMatcher_EMAIL, tlsv3.SubjectAltNameMatcher_IP_ADDRESS,
		} {
			out.MatchTypedSubjectAltNames = append(out.MatchTypedSubjectAltNames, &tlsv3.SubjectAltNameMatcher{
				SanType: kind, Matcher: &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: name}},
			})
		}
	}
	return out
}

var tlsVersions = map[string]tlsv3.TlsParameters_TlsProtocol{
	"TLSV1_0": tlsv3.TlsParameters_TLSv1_0, "TLSV1_1": tlsv3.TlsParameters_TLSv1_1,
	"TLSV1_2": tlsv3.TlsParameters_TLSv1_2, "TLSV1_3": tlsv3.TlsParameters_TLSv1_3,
}

// tlsVersion is Envoy's default for "".
func tlsVersion(v string) tlsv3.TlsParameters_TlsProtocol { return tlsVersions[v] }
