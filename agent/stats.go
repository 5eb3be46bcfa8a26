package agent

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	metricsv3 "github.com/envoyproxy/go-control-plane/envoy/config/metrics/v3"
	otelsinkv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/stat_sinks/open_telemetry/v3"
	"google.golang.org/protobuf/types/known/anypb"
)

// statsSink pushes the proxy's counters to the collector once a second.
func statsSink() (*metricsv3.StatsSink, error) {
	sink, err := anypb.New(&otelsinkv3.SinkConfig{
		ProtocolSpecifier: &otelsinkv3.SinkConfig_GrpcService{GrpcService: &corev3.GrpcService{
			TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{ClusterName: OTLPCluster}},
		}},
	})
	if err != nil {
		return nil, err
	}
	return &metricsv3.StatsSink{
		Name:       "envoy.stat_sinks.open_telemetry",
		ConfigType: &metricsv3.StatsSink_TypedConfig{TypedConfig: sink},
	}, nil
}
