package translate

import (
	tracev3 "github.com/envoyproxy/go-control-plane/envoy/config/trace/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tracingv3 "github.com/envoyproxy/go-control-plane/envoy/type/tracing/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// tracing sends a share of the requests' spans to the collector, and obeys the
// caller's choice where there is one. Each proxy makes a span for the request
// that it was sent and one for the request that it sends, so that a service's
// own spans nest between them. A mesh that samples nothing has no tracer: it
// was measured to cost 30 µs a request that it does not trace.
func (p *proxy) tracing(c chain) *hcmv3.HttpConnectionManager_Tracing {
	if p.mesh.Sampling == 0 {
		return nil
	}
	return &hcmv3.HttpConnectionManager_Tracing{
		ClientSampling:    &typev3.Percent{Value: 100},
		RandomSampling:    &typev3.Percent{Value: p.mesh.Sampling},
		OverallSampling:   &typev3.Percent{Value: 100},
		SpawnUpstreamSpan: wrapperspb.Bool(true),
		CustomTags:        append(peerTags(c), decisionTags(c)...),
		Provider: &tracev3.Tracing_Http{
			Name: "envoy.tracers.opentelemetry",
			ConfigType: &tracev3.Tracing_Http_TypedConfig{TypedConfig: pack(&tracev3.OpenTelemetryConfig{
				GrpcService: grpcTo(clusterOTLP),
				ServiceName: p.w.Name,
			})},
		},
	}
}

// decisionTags tell the collector what it makes the decision's identity of,
// where requests are served: the filters' verdicts as they left them.
func decisionTags(c chain) []*tracingv3.CustomTag {
	if !c.served() {
		return nil
	}
	return []*tracingv3.CustomTag{
		formatted("krater.verdicts.rbac", "%DYNAMIC_METADATA(envoy.filters.http.rbac)%"),
		formatted("krater.verdicts.policyd", "%DYNAMIC_METADATA(envoy.filters.http.ext_authz:krater)%"),
		formatted("krater.verdicts.shadow", "%DYNAMIC_METADATA(envoy.filters.http.ext_authz:krater_shadow)%"),
		formatted("krater.verdicts.details", "%RESPONSE_CODE_DETAILS%"),
		formatted("krater.policy_set", "%FILTER_STATE("+statePolicySet+":PLAIN)%"),
		formatted("krater.limit", "%FILTER_STATE("+stateLimit+":PLAIN)%"),
		formatted("krater.custom", "%FILTER_STATE(krater.custom:PLAIN)%"),
		formatted("krater.decision_cache", "%FILTER_STATE(wasm.krater.decision_cache:PLAIN)%"),
		formatted("krater.filter_decision", "%FILTER_STATE(wasm.krater.filter_decision:PLAIN)%"),
	}
}
