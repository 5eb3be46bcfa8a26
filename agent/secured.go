package agent

import (
	"fmt"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/krater-mesh/krater/agent/sds"
	"github.com/krater-mesh/krater/identity"
)

// daemons are whose clusters may lead to another machine, and by whose
// identity they are known there.
var daemons = map[string]string{
	PolicydCluster: identity.Policyd, OTLPCluster: identity.Collector, ALSCluster: identity.Collector,
}

// secured is how Envoy reaches a daemon on another machine; nil: in plain
// text, which only a socket of this machine's user is.
func (u Upstreams) secured(cluster, target string) (*corev3.TransportSocket, error) {
	daemon := daemons[cluster]
	if daemon == "" || u.TrustDomain == "" || u.SDS == "" || strings.HasPrefix(target, "unix:") {
		return nil, nil
	}
	socket, err := extension("envoy.transport_sockets.tls", &tlsv3.UpstreamTlsContext{CommonTlsContext: &tlsv3.CommonTlsContext{
		AlpnProtocols:                  []string{"h2"},
		TlsParams:                      &tlsv3.TlsParameters{TlsMinimumProtocolVersion: tlsv3.TlsParameters_TLSv1_3, TlsMaximumProtocolVersion: tlsv3.TlsParameters_TLSv1_3},
		TlsCertificateSdsSecretConfigs: []*tlsv3.SdsSecretConfig{secret(sds.Certificate)},
		ValidationContextType: &tlsv3.CommonTlsContext_CombinedValidationContext{CombinedValidationContext: &tlsv3.CommonTlsContext_CombinedCertificateValidationContext{
			ValidationContextSdsSecretConfig: secret(sds.Roots),
			DefaultValidationContext: &tlsv3.CertificateValidationContext{MatchTypedSubjectAltNames: []*tlsv3.SubjectAltNameMatcher{{
				SanType: tlsv3.SubjectAltNameMatcher_URI,
				Matcher: &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: identity.System(u.TrustDomain, daemon).Identity.String()}},
			}}},
		}},
	}})
	if err != nil {
		return nil, fmt.Errorf("cluster %s: %w", cluster, err)
	}
	return &corev3.TransportSocket{Name: socket.GetName(), ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: socket.GetTypedConfig()}}, nil
}

// secret refers to one that the agent serves.
func secret(name string) *tlsv3.SdsSecretConfig {
	return &tlsv3.SdsSecretConfig{Name: name, SdsConfig: &corev3.ConfigSource{
		ResourceApiVersion:  corev3.ApiVersion_V3,
		InitialFetchTimeout: durationpb.New(0),
		ConfigSourceSpecifier: &corev3.ConfigSource_ApiConfigSource{ApiConfigSource: &corev3.ApiConfigSource{
			ApiType: corev3.ApiConfigSource_DELTA_GRPC, TransportApiVersion: corev3.ApiVersion_V3,
			GrpcServices: []*corev3.GrpcService{{TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{
				EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{ClusterName: SDSCluster}}}},
		}},
	}}
}
