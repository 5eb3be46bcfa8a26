package translate

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

// What the agent serves its proxy over SDS.
const (
	clusterSDS = "krater-sds"
	// secretIdentity is the workload's certificate chain and its key.
	secretIdentity = "default"
	// secretRoots are whom the mesh trusts, by trust domain.
	secretRoots = "ROOTCA"
)

// The names of application protocols by which mutual TLS of the mesh is told
// from an application's own TLS. They are Istio's; see RATIONALE.md.
const (
	alpnMesh   = "istio"
	alpnHTTP10 = "istio-http/1.0"
	alpnHTTP11 = "istio-http/1.1"
	alpnHTTP2  = "istio-h2"
)

// meshALPN are all of them; meshHTTP those that say that requests come.
var (
	meshHTTP = []string{alpnHTTP10, alpnHTTP11, alpnHTTP2}
	meshALPN = append([]string{alpnMesh}, meshHTTP...)
)

// The cipher suites of TLS 1.2 within the mesh: forward secret, and sealed.
// TLS 1.3 has its own.
var meshCiphers = []string{
	"ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
}

// acceptMutual ends mutual TLS of the mesh at a port of the application's.
func acceptMutual(m *model.Mesh, alpn []string) *corev3.TransportSocket {
	common := mutualContext(m)
	common.AlpnProtocols = alpn
	common.ValidationContextType = &tlsv3.CommonTlsContext_ValidationContextSdsSecretConfig{ValidationContextSdsSecretConfig: fromAgent(secretRoots)}
	return acceptSocket(common)
}

// decryptMutual ends it at a gateway, as a server of ISTIO_MUTUAL says.
func (p *proxy) decryptMutual(t *model.ServerTLS, http bool) *corev3.TransportSocket {
	common := mutualContext(p.mesh)
	if http {
		common.AlpnProtocols = httpALPN
	}
	if t.MinVersion != "" {
		common.TlsParams.TlsMinimumProtocolVersion = tlsVersion(t.MinVersion)
	}
	if t.MaxVersion != "" {
		common.TlsParams.TlsMaximumProtocolVersion = tlsVersion(t.MaxVersion)
	}
	if len(t.CipherSuites) > 0 {
		common.TlsParams.CipherSuites = t.CipherSuites
	}
	common.ValidationContextType = checkedByMesh(t.SubjectAltNames)
	return acceptSocket(common)
}

// checkedByMesh has a certificate checked by the mesh's roots, and for having
// one of some names, where there are any.
func checkedByMesh(names []string) *tlsv3.CommonTlsContext_CombinedValidationContext {
	own := &tlsv3.CertificateValidationContext{}
	for _, name := range names {
		own.MatchTypedSubjectAltNames = append(own.MatchTypedSubjectAltNames, subjectAltName(name))
	}
	return &tlsv3.CommonTlsContext_CombinedValidationContext{
		CombinedValidationContext: &tlsv3.CommonTlsContext_CombinedCertificateValidationContext{
			DefaultValidationContext: own, ValidationContextSdsSecretConfig: fromAgent(secretRoots),
		}}
}

// acceptSocket shows the workload's own certificate, and requires one of the
// client. Sessions are not resumed, because a resumed one is not checked again:
// a certificate that has ended would be let in.
func acceptSocket(common *tlsv3.CommonTlsContext) *corev3.TransportSocket {
	return tlsSocket(pack(&tlsv3.DownstreamTlsContext{
		CommonTlsContext:                 common,
		RequireClientCertificate:         wrapperspb.Bool(true),
		SessionTicketKeysType:            &tlsv3.DownstreamTlsContext_DisableStatelessSessionResumption{DisableStatelessSessionResumption: true},
		DisableStatefulSessionResumption: true,
	}))
}

// mutualContext is what both ends have in common.
func mutualContext(m *model.Mesh) *tlsv3.CommonTlsContext {
	minimum := tlsv3.TlsParameters_TLSv1_2
	if m.MinTLSVersion != "" {
		minimum = tlsVersion(m.MinTLSVersion)
	}
	ciphers := m.MTLSCipherSuites
	if len(ciphers) == 0 {
		ciphers = meshCiphers
	}
	return &tlsv3.CommonTlsContext{
		TlsParams: &tlsv3.TlsParameters{
			TlsMinimumProtocolVersion: minimum, TlsMaximumProtocolVersion: tlsv3.TlsParameters_TLSv1_3, CipherSuites: ciphers, EcdhCurves: m.MTLSCurves,
		},
		TlsCertificateSdsSecretConfigs: []*tlsv3.SdsSecretConfig{fromAgent(secretIdentity)},
	}
}

// fromAgent refers to a secret of the proxy's own agent. Without it nothing is
// served, however long that takes: there is no other way to prove who we are.
func fromAgent(name string) *tlsv3.SdsSecretConfig {
	return &tlsv3.SdsSecretConfig{Name: name, SdsConfig: &corev3.ConfigSource{
		ResourceApiVersion:  corev3.ApiVersion_V3,
		InitialFetchTimeout: &durationpb.Duration{},
		ConfigSourceSpecifier: &corev3.ConfigSource_ApiConfigSource{ApiConfigSource: &corev3.ApiConfigSource{
			ApiType:                   corev3.ApiConfigSource_DELTA_GRPC,
			TransportApiVersion:       corev3.ApiVersion_V3,
			SetNodeOnFirstMessageOnly: true,
			GrpcServices: []*corev3.GrpcService{{TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{
				EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{ClusterName: clusterSDS},
			}}},
		}},
	}}
}
