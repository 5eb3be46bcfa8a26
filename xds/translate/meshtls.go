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

// acceptMutual ends mutual TLS of the mesh: the workload's own certificate, and
// one is required of the client. Sessions are not resumed, because a resumed
// one is not checked again: an ended certificate would be let in.
func acceptMutual(m *model.Mesh, alpn []string) *corev3.TransportSocket {
	common := mutualContext(m)
	common.AlpnProtocols = alpn
	common.ValidationContextType = &tlsv3.CommonTlsContext_ValidationContextSdsSecretConfig{ValidationContextSdsSecretConfig: fromAgent(secretRoots)}
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
	return &tlsv3.CommonTlsContext{
		TlsParams: &tlsv3.TlsParameters{
			TlsMinimumProtocolVersion: minimum, TlsMaximumProtocolVersion: tlsv3.TlsParameters_TLSv1_3, CipherSuites: meshCiphers,
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
