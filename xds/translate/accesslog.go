package translate

import (
	"fmt"
	"time"

	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/config/accesslog/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	celfilterv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/filters/cel/v3"
	grpclogv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/grpc/v3"
	tracingv3 "github.com/envoyproxy/go-control-plane/envoy/type/tracing/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

// logRequests is the log name of the record that every request has.
const logRequests = "requests"

// accessLogs are a chain's records and metrics: the mesh's own, then those of
// each TelemetryRule that selects the workload.
func (p *proxy) accessLogs(c chain) []*accesslogv3.AccessLog {
	var out []*accesslogv3.AccessLog
	if p.mesh.AccessLog {
		tags := p.standardTags(c)
		for _, a := range p.declared() {
			if !a.Redact && c.served() {
				tags = append(tags, formatted("attribute."+a.Name, state(attributeState(a))))
			}
		}
		out = append(out, accessLog("envoy.access_loggers.http_grpc", c, "", recordTo(logRequests, tags)))
	}
	if l := p.decisionLog(c); l != nil {
		out = append(out, l)
	}
	for _, rule := range p.view.telemetry {
		match, ok := rule.Match, true
		if !rule.Selector.Matches(p.w) {
			continue
		}
		if match != "" {
			if match, ok = p.expression(match, rule.Object, "spec.match"); !ok {
				continue
			}
		}
		if stats := p.ruleStats(*rule, c); stats != nil {
			out = append(out, accessLog("envoy.access_loggers.stats", c, match, stats))
		}
		for _, l := range rule.Logs {
			tags := p.standardTags(c)
			for i, f := range l.Fields {
				if value, ok := p.format(f.Value, c, rule.Object, fmt.Sprintf("spec.logs[%s].fields[%d]", l.Name, i)); ok {
					tags = append(tags, formatted("field."+f.Name, value))
				}
			}
			name := "rule/" + rule.Object.Key() + "/" + l.Name
			out = append(out, accessLog("envoy.access_loggers.http_grpc", c, match, recordTo(name, tags)))
		}
	}
	return out
}

// accessLog applies a logger to the requests that an expression takes. A
// CONNECT is none: what it opens has records of its own.
func accessLog(name string, c chain, match string, config proto.Message) *accesslogv3.AccessLog {
	out := &accesslogv3.AccessLog{Name: name, ConfigType: &accesslogv3.AccessLog_TypedConfig{TypedConfig: pack(config)}}
	var all []*accesslogv3.AccessLogFilter
	if c.explicit {
		all = append(all, &accesslogv3.AccessLogFilter{FilterSpecifier: &accesslogv3.AccessLogFilter_HeaderFilter{
			HeaderFilter: &accesslogv3.HeaderFilter{Header: headerMatcher(model.HeaderMatch{
				Name: ":method", Not: true, Match: model.StringMatch{Kind: model.Exact, Value: "CONNECT"},
			})},
		}})
	}
	if match != "" {
		all = append(all, &accesslogv3.AccessLogFilter{FilterSpecifier: &accesslogv3.AccessLogFilter_ExtensionFilter{
			ExtensionFilter: &accesslogv3.ExtensionFilter{
				Name:       "envoy.access_loggers.extension_filters.cel",
				ConfigType: &accesslogv3.ExtensionFilter_TypedConfig{TypedConfig: pack(&celfilterv3.ExpressionFilter{Expression: match})},
			},
		}})
	}
	switch len(all) {
	case 0:
	case 1:
		out.Filter = all[0]
	default:
		out.Filter = &accesslogv3.AccessLogFilter{FilterSpecifier: &accesslogv3.AccessLogFilter_AndFilter{
			AndFilter: &accesslogv3.AndFilter{Filters: all},
		}}
	}
	return out
}

// recordTo sends records to the collector.
func recordTo(log string, tags []*tracingv3.CustomTag) *grpclogv3.HttpGrpcAccessLogConfig {
	return &grpclogv3.HttpGrpcAccessLogConfig{CommonConfig: &grpclogv3.CommonGrpcAccessLogConfig{
		LogName:             log,
		GrpcService:         grpcTo(clusterALS),
		TransportApiVersion: corev3.ApiVersion_V3,
		BufferFlushInterval: durationpb.New(200 * time.Millisecond),
		BufferSizeBytes:     wrapperspb.UInt32(64 << 10),
		CustomTags:          tags,
	}}
}

// standardTags say where a record is from and what decided. An empty value
// leaves its tag out.
func (p *proxy) standardTags(c chain) []*tracingv3.CustomTag {
	return append([]*tracingv3.CustomTag{
		formatted("krater.proxy", literal(p.w.ID())),
		formatted("krater.direction", string(c.direction)),
		formatted("krater.trace_id", "%TRACE_ID%"),
		formatted("krater.span_id", "%SPAN_ID%"),
		formatted("krater.policy_set", "%FILTER_STATE("+statePolicySet+":PLAIN)%"),
		formatted("krater.limit", "%FILTER_STATE("+stateLimit+":PLAIN)%"),
		formatted("krater.custom", "%FILTER_STATE(krater.custom:PLAIN)%"),
		formatted("krater.decision_cache", "%FILTER_STATE(wasm.krater.decision_cache:PLAIN)%"),
		formatted("krater.filter_decision", "%FILTER_STATE(wasm.krater.filter_decision:PLAIN)%"),
	}, peerTags(c)...)
}

func formatted(tag, value string) *tracingv3.CustomTag {
	return &tracingv3.CustomTag{Tag: tag, Type: &tracingv3.CustomTag_Value{Value: value}}
}
