package translate

import (
	"net/netip"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	proxyprotocolv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/proxy_protocol/v3"
	rawv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/raw_buffer/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"github.com/krater-mesh/krater/model"
)

// encrypts tells whether a destination's connections are TLS that we begin.
func encrypts(t *model.ClientTLS) bool {
	return t != nil && (t.Mode == model.TLSSimple || t.Mode == model.TLSMutual)
}

// transport is what connections are wrapped into: TLS, the PROXY protocol, or
// both.
func (b *clusters) transport(c *clusterv3.Cluster, at clusterPlace, t model.TrafficPolicy) {
	if b.noIdentity && t.TLS != nil && t.TLS.Mode == model.TLSIstioMutual {
		b.notSupported(b.policy.Object, "spec.trafficPolicy.tls.mode", "a proxy without an agent has no certificate: calls go in plain text",
			"run the proxy with `krater agent` or `krater up`")
	}
	var socket *corev3.TransportSocket
	if encrypts(t.TLS) {
		socket = &corev3.TransportSocket{Name: "envoy.transport_sockets.tls",
			ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: pack(b.tlsContext(at.port, *t.TLS, t.ConnectionPool))}}
	}
	if t.ProxyProtocol != "" {
		if socket == nil {
			socket = &corev3.TransportSocket{Name: "envoy.transport_sockets.raw_buffer",
				ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: pack(&rawv3.RawBuffer{})}}
		}
		socket = withProxyProtocol(socket, t.ProxyProtocol)
	}
	c.TransportSocket = socket
	b.mutual(c, at, t)
}

// withProxyProtocol writes a PROXY line before what a socket sends.
func withProxyProtocol(socket *corev3.TransportSocket, declared string) *corev3.TransportSocket {
	version := corev3.ProxyProtocolConfig_V1
	if declared == "V2" {
		version = corev3.ProxyProtocolConfig_V2
	}
	return &corev3.TransportSocket{Name: "envoy.transport_sockets.upstream_proxy_protocol",
		ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: pack(&proxyprotocolv3.ProxyProtocolUpstreamTransport{
			Config: &corev3.ProxyProtocolConfig{Version: version}, TransportSocket: socket,
		})}}
}

func (b *clusters) tlsContext(port model.Port, t model.ClientTLS, pool *model.ConnectionPool) *tlsv3.UpstreamTlsContext {
	common := &tlsv3.CommonTlsContext{}
	if port.Protocol.IsHTTP2() || port.Protocol.IsHTTP() && pool != nil && pool.UpgradeToHTTP2 {
		common.AlpnProtocols = []string{"h2"}
	}
	if t.Mode == model.TLSMutual {
		use := secretUse{namespace: b.namespace, secret: t.Credential, certificate: t.Certificate, key: t.PrivateKey}
		common.TlsCertificateSdsSecretConfigs = []*tlsv3.SdsSecretConfig{use.reference()}
		b.secrets = append(b.secrets, use)
	}
	b.validation(common, port, t)
	return &tlsv3.UpstreamTlsContext{CommonTlsContext: common, Sni: b.serverName(port, t)}
}

// serverName is the SNI. Requests that nobody gave one get their Host's, by
// autoSNI; connections whose requests cannot be seen, the service's.
func (b *clusters) serverName(port model.Port, t model.ClientTLS) string {
	switch {
	case t.SNI != "":
		return t.SNI
	case port.Protocol.MayBeHTTP() || strings.HasPrefix(b.service.Host, "*"):
		return ""
	}
	return b.service.Host
}

// validation says how the server's certificate is checked: by the declared
// authorities, else the system's, and by its names.
func (b *clusters) validation(common *tlsv3.CommonTlsContext, port model.Port, t model.ClientTLS) {
	if t.InsecureSkipVerify {
		return
	}
	own := &tlsv3.CertificateValidationContext{}
	for _, name := range b.serverNames(port, t) {
		own.MatchTypedSubjectAltNames = append(own.MatchTypedSubjectAltNames, subjectAltName(name))
	}
	use := secretUse{authorities: true, namespace: b.namespace, secret: t.Credential, certificate: t.CACertificates, key: t.CRL}
	if t.Credential == "" && t.CACertificates == "" {
		use.certificate = systemAuthorities
	}
	b.secrets = append(b.secrets, use)
	common.ValidationContextType = &tlsv3.CommonTlsContext_CombinedValidationContext{
		CombinedValidationContext: &tlsv3.CommonTlsContext_CombinedCertificateValidationContext{
			DefaultValidationContext: own, ValidationContextSdsSecretConfig: use.reference(),
		}}
}

// serverNames are those of which the certificate must have one: the policy's,
// else the service's. Of requests the Host is checked by autoSNI; connections
// are checked for their server name.
func (b *clusters) serverNames(port model.Port, t model.ClientTLS) []string {
	switch {
	case len(t.SubjectAltNames) > 0:
		return t.SubjectAltNames
	case len(b.service.SubjectAltNames) > 0:
		return b.service.SubjectAltNames
	case t.SNI != "":
		return []string{t.SNI}
	}
	if name := b.serverName(port, t); name != "" {
		return []string{name}
	}
	return nil
}

func subjectAltName(name string) *tlsv3.SubjectAltNameMatcher {
	kind := tlsv3.SubjectAltNameMatcher_DNS
	if strings.Contains(name, "://") {
		kind = tlsv3.SubjectAltNameMatcher_URI
	} else if _, err := netip.ParseAddr(name); err == nil {
		kind = tlsv3.SubjectAltNameMatcher_IP_ADDRESS
	}
	return &tlsv3.SubjectAltNameMatcher{SanType: kind, Matcher: &matcherv3.StringMatcher{
		MatchPattern: &matcherv3.StringMatcher_Exact{Exact: name},
	}}
}

// autoSNI gives each request's connection the server name that the request is
// for, and checks the certificate for it, where nothing else was declared.
func (b *clusters) autoSNI(o *httpv3.HttpProtocolOptions, t *model.ClientTLS) {
	if !encrypts(t) || t.SNI != "" {
		return
	}
	o.UpstreamHttpProtocolOptions = &corev3.UpstreamHttpProtocolOptions{
		AutoSni:           true,
		AutoSanValidation: !t.InsecureSkipVerify && len(t.SubjectAltNames) == 0 && len(b.service.SubjectAltNames) == 0,
	}
}
