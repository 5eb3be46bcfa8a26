// Package accesslogreceiver turns Envoy's gRPC access log streams into
// OpenTelemetry log records, each with its workloads and its decision. It
// never keeps a request waiting: what cannot be consumed is dropped, counted.
package accesslogreceiver

import (
	"context"

	"github.com/krater-mesh/krater/telemetry/mesh"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"
)

// Type is the component's name in a configuration.
var Type = component.MustNewType("envoy_access_log")

// NewFactory gives the factory of receivers that name workloads by the view.
func NewFactory(view *mesh.View) receiver.Factory {
	create := func(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Logs) (receiver.Logs, error) {
		return newReceiver(set, cfg.(*Config), view, next)
	}
	return receiver.NewFactory(Type, func() component.Config { return &Config{} },
		receiver.WithLogs(create, component.StabilityLevelDevelopment))
}
