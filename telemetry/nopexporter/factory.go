// Package nopexporter turns whatever it is given into nothing: it ends the
// pipelines of signals that no backend takes, so that senders find a listener.
package nopexporter

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Type is the component's name in a configuration.
var Type = component.MustNewType("nop")

// nop consumes everything.
type nop struct {
	component.StartFunc
	component.ShutdownFunc
}

var (
	_ exporter.Logs    = nop{}
	_ exporter.Metrics = nop{}
	_ exporter.Traces  = nop{}
)

// NewFactory gives the factory.
func NewFactory() exporter.Factory {
	return exporter.NewFactory(Type, func() component.Config { return &struct{}{} },
		exporter.WithLogs(func(context.Context, exporter.Settings, component.Config) (exporter.Logs, error) { return nop{}, nil }, component.StabilityLevelStable),
		exporter.WithMetrics(func(context.Context, exporter.Settings, component.Config) (exporter.Metrics, error) {
			return nop{}, nil
		}, component.StabilityLevelStable),
		exporter.WithTraces(func(context.Context, exporter.Settings, component.Config) (exporter.Traces, error) { return nop{}, nil }, component.StabilityLevelStable))
}

// Capabilities implements consumer.Logs, consumer.Metrics and consumer.Traces.
func (nop) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

// ConsumeLogs implements consumer.Logs.
func (nop) ConsumeLogs(context.Context, plog.Logs) error { return nil }

// ConsumeMetrics implements consumer.Metrics.
func (nop) ConsumeMetrics(context.Context, pmetric.Metrics) error { return nil }

// ConsumeTraces implements consumer.Traces.
func (nop) ConsumeTraces(context.Context, ptrace.Traces) error { return nil }
