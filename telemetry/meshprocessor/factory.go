// Package meshprocessor turns what proxies send into what one backend is to
// see: the rules' metrics summed over all proxies under their public names,
// the rules' logs, no query and no redacted attribute. It never stores logs.
package meshprocessor

import (
	"context"

	"github.com/krater-mesh/krater/telemetry/mesh"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"
)

// Type is the component's name in a configuration.
var Type = component.MustNewType("krater_mesh")

// mutates says that the processors change what they are given.
var mutates = processorhelper.WithCapabilities(consumer.Capabilities{MutatesData: true})

// NewFactory gives the factory of processors that ask the view. What they
// count is kept in the memory, which outlives them.
func NewFactory(view *mesh.View, memory *Memory) processor.Factory {
	f := &factory{view, memory}
	return processor.NewFactory(Type, defaultConfig,
		processor.WithMetrics(f.metrics, component.StabilityLevelDevelopment),
		processor.WithLogs(f.logs, component.StabilityLevelDevelopment),
		processor.WithTraces(f.traces, component.StabilityLevelDevelopment))
}

type factory struct {
	view   *mesh.View
	memory *Memory
}

func (f *factory) metrics(_ context.Context, set processor.Settings, cfg component.Config, next consumer.Metrics) (processor.Metrics, error) {
	return newMetrics(cfg.(*Config), f.view, f.memory.of(cfg.(*Config).Backend), next, set.Logger), nil
}

func (f *factory) logs(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Logs) (processor.Logs, error) {
	l := &logs{f.view, cfg.(*Config).Backend, cfg.(*Config).OPA}
	return processorhelper.NewLogs(ctx, set, cfg, next, l.process, mutates)
}

func (f *factory) traces(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Traces) (processor.Traces, error) {
	t := &traces{f.view}
	return processorhelper.NewTraces(ctx, set, cfg, next, t.process, mutates)
}
