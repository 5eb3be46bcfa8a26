package translate

import (
	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/config/accesslog/v3"
	grpclogv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/grpc/v3"
)

// logConnections is the log name of the record that every connection has whose
// requests cannot be seen.
const logConnections = "connections"

// connectionLogs tell of a served connection once it ends, with its caller by
// the certificate: there is no header to tell more.
func (p *proxy) connectionLogs(c chain) []*accesslogv3.AccessLog {
	if !p.mesh.AccessLog {
		return nil
	}
	tags := append(certifiedTags("krater.source."),
		formatted("krater.source.workload", state(stateWorkload)),
		formatted("krater.proxy", literal(p.w.ID())),
		formatted("krater.direction", string(c.direction)))
	return []*accesslogv3.AccessLog{{
		Name: "envoy.access_loggers.tcp_grpc",
		ConfigType: &accesslogv3.AccessLog_TypedConfig{TypedConfig: pack(&grpclogv3.TcpGrpcAccessLogConfig{
			CommonConfig: recordTo(logConnections, tags).CommonConfig,
		})},
	}}
}
