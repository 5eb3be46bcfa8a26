package translate

import (
	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/config/accesslog/v3"
	grpclogv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/grpc/v3"

	"github.com/krater-mesh/krater/model"
)

// logConnections is the log name of the record that every connection has whose
// requests cannot be seen.
const logConnections = "connections"

// connectionLogs tell of a served connection once it ends, with its caller by
// the certificate: there is no header to tell more. The one is the mesh's own,
// the other for whoever wants decisions recorded.
func (p *proxy) connectionLogs(c chain) []*accesslogv3.AccessLog {
	var names []string
	if p.mesh.AccessLog {
		names = append(names, logConnections)
	}
	if logs, _ := p.logsDecisions(); logs {
		names = append(names, model.ScopeDecisions)
	}
	var out []*accesslogv3.AccessLog
	for _, name := range names {
		tags := append(certifiedTags("krater.source."),
			formatted("krater.source.workload", state(stateWorkload)),
			formatted("krater.proxy", literal(p.w.ID())),
			formatted("krater.direction", string(c.direction)))
		if v := rulesOf(p.view.authorization, p.rego, p.w).version(); v != "" {
			tags = append(tags, formatted("krater.policy_set", literal(v)))
		}
		out = append(out, &accesslogv3.AccessLog{
			Name: "envoy.access_loggers.tcp_grpc",
			ConfigType: &accesslogv3.AccessLog_TypedConfig{TypedConfig: pack(&grpclogv3.TcpGrpcAccessLogConfig{
				CommonConfig: recordTo(name, tags).CommonConfig,
			})},
		})
	}
	return out
}
