// Package lineexporter turns records, spans and metrics into readable lines:
// one line each, time first. It never buffers.
package lineexporter

import (
	"context"
	"fmt"
	"io"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Type is the component's name in a configuration.
var Type = component.MustNewType("line")

// NewFactory gives the factory of exporters that write to w, which they share.
func NewFactory(w io.Writer) exporter.Factory {
	f := &factory{w: w}
	return exporter.NewFactory(Type, func() component.Config { return &struct{}{} },
		exporter.WithLogs(f.logs, component.StabilityLevelDevelopment),
		exporter.WithTraces(f.traces, component.StabilityLevelDevelopment),
		exporter.WithMetrics(f.metrics, component.StabilityLevelDevelopment))
}

type factory struct {
	mu sync.Mutex
	w  io.Writer
}

// write writes whole lines, one caller at a time.
func (f *factory) write(lines []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.w.Write(lines); err != nil {
		return fmt.Errorf("writing telemetry as lines: %w", err)
	}
	return nil
}

func (f *factory) logs(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Logs, error) {
	return exporterhelper.NewLogs(ctx, set, cfg, func(_ context.Context, ld plog.Logs) error { return f.write(logLines(ld)) })
}

func (f *factory) traces(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Traces, error) {
	return exporterhelper.NewTraces(ctx, set, cfg, func(_ context.Context, td ptrace.Traces) error { return f.write(spanLines(td)) })
}

func (f *factory) metrics(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Metrics, error) {
	return exporterhelper.NewMetrics(ctx, set, cfg, func(_ context.Context, md pmetric.Metrics) error { return f.write(metricLines(md)) })
}
