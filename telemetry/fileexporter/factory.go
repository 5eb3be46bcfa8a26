// Package fileexporter turns records, spans and metrics into lines of OTLP
// JSON in one file, which is rotated. Every signal shares the file; it never
// writes half a line.
package fileexporter

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Type is the component's name in a configuration.
var Type = component.MustNewType("file")

// Config is the exporter's part of a collector configuration.
type Config struct {
	Path         string `mapstructure:"path"`
	MaxMegabytes int64  `mapstructure:"max_megabytes"` // of one file, before it is rotated
	MaxBackups   int    `mapstructure:"max_backups"`   // PATH.1 is the youngest
}

// Validate implements xconfmap.Validator.
func (c *Config) Validate() error {
	if c.Path == "" {
		return errors.New("path: is missing")
	}
	if c.MaxMegabytes <= 0 || c.MaxBackups < 0 {
		return errors.New("max_megabytes must be positive, max_backups not negative")
	}
	return nil
}

// NewFactory gives the factory. The contributed exporter of this name starts
// and ends its one file once per signal, so the first signal to end takes it
// from the others.
func NewFactory() exporter.Factory {
	f := &files{open: map[string]*file{}}
	return exporter.NewFactory(Type, func() component.Config { return &Config{MaxMegabytes: 100, MaxBackups: 3} },
		exporter.WithLogs(f.logs, component.StabilityLevelDevelopment),
		exporter.WithTraces(f.traces, component.StabilityLevelDevelopment),
		exporter.WithMetrics(f.metrics, component.StabilityLevelDevelopment))
}

func (f *files) logs(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Logs, error) {
	u := &user{files: f, config: cfg.(*Config)}
	push := func(_ context.Context, ld plog.Logs) error { return u.write((&plog.JSONMarshaler{}).MarshalLogs(ld)) }
	return exporterhelper.NewLogs(ctx, set, cfg, push, exporterhelper.WithStart(u.start), exporterhelper.WithShutdown(u.shutdown))
}

func (f *files) traces(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Traces, error) {
	u := &user{files: f, config: cfg.(*Config)}
	push := func(_ context.Context, td ptrace.Traces) error {
		return u.write((&ptrace.JSONMarshaler{}).MarshalTraces(td))
	}
	return exporterhelper.NewTraces(ctx, set, cfg, push, exporterhelper.WithStart(u.start), exporterhelper.WithShutdown(u.shutdown))
}

func (f *files) metrics(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Metrics, error) {
	u := &user{files: f, config: cfg.(*Config)}
	push := func(_ context.Context, md pmetric.Metrics) error {
		return u.write((&pmetric.JSONMarshaler{}).MarshalMetrics(md))
	}
	return exporterhelper.NewMetrics(ctx, set, cfg, push, exporterhelper.WithStart(u.start), exporterhelper.WithShutdown(u.shutdown))
}

// user is one signal's use of a file.
type user struct {
	files  *files
	config *Config
	file   *file
}

func (u *user) start(context.Context, component.Host) error {
	var err error
	u.file, err = u.files.acquire(u.config)
	return err
}

func (u *user) shutdown(context.Context) error {
	if u.file == nil {
		return nil
	}
	return u.files.release(u.file)
}

func (u *user) write(line []byte, err error) error {
	if err != nil {
		return fmt.Errorf("marshaling telemetry: %w", err)
	}
	return u.file.Write(append(line, '\n'))
}
