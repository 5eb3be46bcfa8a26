package translate

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	filterchainv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/filter_chain/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	requestidv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/request_id/uuid/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

const filterHCM = "envoy.filters.network.http_connection_manager"

// connectionManager is the one HTTP filter of a chain, in a slot of its own:
// an edit of what is recorded and traced touches no listener. What comes in a
// slot may name no other routes and no other slots than it did at first:
// Envoy would never ask for them. So their names follow from the listener's.
//
// Paths are normalized
// alike everywhere, before routing and before any policy; request ids are kept
// as they came, so that one id names a request on its whole way. No address is
// internal: an empty InternalAddressConfig would trust whoever writes a private
// one into X-Forwarded-For, and obey the x-envoy-* headers that come with it.
func (p *proxy) connectionManager(c chain, routes *routev3.RouteConfiguration) *listenerv3.Filter {
	m := &hcmv3.HttpConnectionManager{
		StatPrefix:                      statName(c.listener),
		CodecType:                       hcmv3.HttpConnectionManager_AUTO,
		HttpFilters:                     p.httpFilters(c),
		AccessLog:                       p.accessLogs(c),
		Tracing:                         p.tracing(c),
		NormalizePath:                   wrapperspb.Bool(p.mesh.NormalizePath),
		MergeSlashes:                    p.mesh.NormalizePath && !p.mesh.KeepSlashes,
		PathWithEscapedSlashesAction:    escapedSlashes(p.mesh),
		ServerHeaderTransformation:      hcmv3.HttpConnectionManager_PASS_THROUGH,
		UseRemoteAddress:                wrapperspb.Bool(c.direction == gateway),
		PreserveExternalRequestId:       true,
		AlwaysSetRequestIdInResponse:    c.served(),
		StreamIdleTimeout:               &durationpb.Duration{},
		HttpProtocolOptions:             &corev3.Http1ProtocolOptions{AcceptHttp_10: true},
		CommonHttpProtocolOptions:       handOver(),
		Http1SafeMaxConnectionDuration:  true,
		UpgradeConfigs:                  []*hcmv3.HttpConnectionManager_UpgradeConfig{{UpgradeType: "websocket"}},
		RequestIdExtension:              &hcmv3.RequestIDExtension{TypedConfig: pack(&requestidv3.UuidRequestIdConfig{PackTraceReason: wrapperspb.Bool(false)})},
		StripTrailingHostDot:            true,
		ForwardClientCertDetails:        hcmv3.HttpConnectionManager_SANITIZE,
		AppendXForwardedPort:            false,
		AddProxyProtocolConnectionState: nil,
	}
	if c.direction == gateway && c.tls { // who the client proved to be
		m.ForwardClientCertDetails = hcmv3.HttpConnectionManager_SANITIZE_SET
		m.SetCurrentClientCertDetails = &hcmv3.HttpConnectionManager_SetCurrentClientCertDetails{
			Subject: wrapperspb.Bool(true), Cert: true, Dns: true, Uri: true,
		}
	}
	if c.direction == inbound && c.mtls { // a gateway's word, and who says it
		m.ForwardClientCertDetails = hcmv3.HttpConnectionManager_APPEND_FORWARD
		m.SetCurrentClientCertDetails = &hcmv3.HttpConnectionManager_SetCurrentClientCertDetails{
			Subject: wrapperspb.Bool(true), Dns: true, Uri: true,
		}
	}
	if c.explicit {
		m.UpgradeConfigs = append(m.UpgradeConfigs, &hcmv3.HttpConnectionManager_UpgradeConfig{UpgradeType: "CONNECT"})
	}
	if c.direction == inbound {
		m.RouteSpecifier = &hcmv3.HttpConnectionManager_RouteConfig{RouteConfig: routes}
	} else {
		m.RouteSpecifier = &hcmv3.HttpConnectionManager_Rds{Rds: &hcmv3.Rds{
			ConfigSource: overADS(), RouteConfigName: routes.GetName(),
		}}
	}
	m.LocalReplyConfig = p.namedDenials(c)
	p.patchManager(c, m)
	p.slot(c.manager(), m)
	return networkSlot(c.manager(), m)
}

// escapedSlashes is what becomes of %2F and %5C in a path.
func escapedSlashes(m *model.Mesh) hcmv3.HttpConnectionManager_PathWithEscapedSlashesAction {
	if m.NormalizePath && m.DecodeSlashes {
		return hcmv3.HttpConnectionManager_UNESCAPE_AND_FORWARD
	}
	return hcmv3.HttpConnectionManager_KEEP_UNCHANGED
}

// handOver has connections replaced in turns: one that is open keeps the
// manager that it was opened with. Nothing is cut: a connection that has
// requests waits for their end.
func handOver() *corev3.HttpProtocolOptions {
	return &corev3.HttpProtocolOptions{
		MaxConnectionDuration:       &durationpb.Duration{Seconds: 60},
		MaxConnectionDurationJitter: &typev3.Percent{Value: 20},
	}
}

// fixed is a filter that the listener itself configures.
func fixed(name string, config *anypb.Any) *hcmv3.HttpFilter {
	return &hcmv3.HttpFilter{Name: name, ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: config}}
}

// discovered is a slot: its filters come as a resource.
func discovered(name string) *hcmv3.HttpFilter {
	return &hcmv3.HttpFilter{Name: name, ConfigType: &hcmv3.HttpFilter_ConfigDiscovery{
		ConfigDiscovery: &corev3.ExtensionConfigSource{
			ConfigSource: slotOverADS(),
			TypeUrls:     []string{typeURL(&filterchainv3.FilterChainConfig{})},
		},
	}}
}
