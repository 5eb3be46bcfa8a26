package telemetry

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/krater-mesh/krater/listen"
	"github.com/krater-mesh/krater/telemetry/distribution"
	"github.com/krater-mesh/krater/telemetry/pipelines"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/service"
)

// stopLimit is how long stopping pipelines may hand on what they hold.
const stopLimit = 5 * time.Second

// instance is one run of the Collector's pipelines.
type instance struct {
	service *service.Service
	done    chan struct{}
}

// launch starts the pipelines of a configuration. On an error nothing of them
// is left running.
func (c *Collector) launch(ctx context.Context, conf pipelines.Configuration) (*instance, error) {
	factories, err := c.factories()
	if err != nil {
		return nil, err
	}
	cfg, err := read(ctx, conf, factories)
	if err != nil {
		return nil, err
	}
	if path, ok := strings.CutPrefix(c.options.OTLP, "unix:"); ok { // its receiver listens by itself
		if err := listen.RemoveStale(ctx, path); err != nil {
			return nil, err
		}
	}
	failures := make(chan error)
	svc, err := service.New(ctx, service.Settings{
		BuildInfo:           component.BuildInfo{Command: "krater collector", Description: "Krater's OpenTelemetry Collector"},
		ReceiversConfigs:    cfg.Receivers,
		ReceiversFactories:  factories.Receivers,
		ProcessorsConfigs:   cfg.Processors,
		ProcessorsFactories: factories.Processors,
		ExportersConfigs:    cfg.Exporters,
		ExportersFactories:  factories.Exporters,
		AsyncErrorChannel:   failures,
		TelemetryFactory:    factories.Telemetry,
	}, cfg.Service)
	if err != nil {
		return nil, fmt.Errorf("building the pipelines: %w", err)
	}
	in := &instance{svc, make(chan struct{})}
	go in.forward(failures, c.failed)
	if err := svc.Start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("starting the pipelines: %w", err), in.stop())
	}
	return in, nil
}

// factories gives the components, with what they share.
func (c *Collector) factories() (otelcol.Factories, error) {
	f, err := distribution.Factories(distribution.Needs{View: c.view, Memory: c.memory, Stdout: c.options.Stdout})
	f.Telemetry = ownTelemetry(c.options.Logger, c.meters)
	return f, err
}

// forward passes failures of this instance's components on while it runs.
func (in *instance) forward(from <-chan error, to chan<- error) {
	for {
		select {
		case err := <-from:
			select {
			case to <- err:
			default: // a restart is already due
			}
		case <-in.done:
			return
		}
	}
}

// stop hands on what the pipelines hold, then ends them.
func (in *instance) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
	defer cancel()
	defer close(in.done)
	return in.service.Shutdown(ctx)
}

// read makes the Collector's typed configuration.
func read(ctx context.Context, conf pipelines.Configuration, factories otelcol.Factories) (*otelcol.Config, error) {
	provider, err := otelcol.NewConfigProvider(otelcol.ConfigProviderSettings{ResolverSettings: confmap.ResolverSettings{
		URIs:              []string{scheme + ":"},
		ProviderFactories: []confmap.ProviderFactory{fixed(conf)},
	}})
	if err != nil {
		return nil, fmt.Errorf("reading the pipelines' configuration: %w", err)
	}
	cfg, err := provider.Get(ctx, factories)
	if err != nil {
		return nil, fmt.Errorf("reading the pipelines' configuration: %w", err)
	}
	if err := confmap.Validate(cfg); err != nil {
		return nil, fmt.Errorf("checking the pipelines' configuration: %w", err)
	}
	return cfg, nil
}
