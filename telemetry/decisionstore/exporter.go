// Package decisionstore keeps the records of requests that policies decided
// about, of the last while, in files below the collector's state folder. It
// holds no value of a request but its method, host and path, and never grows
// without bound: denials are kept apart, so that what is allowed never pushes
// them out.
package decisionstore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"path/filepath"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/telemetry/rotating"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/pdata/plog"
)

// Type is the component's name in a configuration.
var Type = component.MustNewType("decision_store")

// Config is the exporter's part of a collector configuration.
type Config struct {
	Dir string `mapstructure:"dir"`
}

// Validate implements xconfmap.Validator.
func (c *Config) Validate() error {
	if c.Dir == "" {
		return errors.New("dir: is missing")
	}
	return nil
}

// The files, and how many bytes each has at most; one old one is kept of each.
const (
	allowedFile = "decisions.jsonl"
	deniedFile  = "denials.jsonl"
	fileSize    = 16 << 20
	backups     = 1
)

// NewFactory gives the factory.
func NewFactory() exporter.Factory {
	create := func(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Logs, error) {
		s := &store{dir: cfg.(*Config).Dir}
		return exporterhelper.NewLogs(ctx, set, cfg, s.push, exporterhelper.WithStart(s.start), exporterhelper.WithShutdown(s.shutdown))
	}
	return exporter.NewFactory(Type, func() component.Config { return &Config{} }, exporter.WithLogs(create, component.StabilityLevelDevelopment))
}

type store struct {
	dir             string
	allowed, denied *rotating.File
}

func (s *store) start(context.Context, component.Host) (err error) {
	if s.allowed, err = rotating.Open(filepath.Join(s.dir, allowedFile), fileSize, backups); err != nil {
		return err
	}
	s.denied, err = rotating.Open(filepath.Join(s.dir, deniedFile), fileSize, backups)
	return err
}

func (s *store) shutdown(context.Context) error {
	var errs []error
	for _, f := range []*rotating.File{s.allowed, s.denied} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// push writes what is about a decision.
func (s *store) push(_ context.Context, ld plog.Logs) error {
	var allowed, denied bytes.Buffer
	for _, rl := range ld.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			if sl.Scope().Name() != requests {
				continue
			}
			for _, r := range sl.LogRecords().All() {
				record, ok := read(r)
				if !ok {
					continue
				}
				to := &allowed
				if record.Denied() {
					to = &denied
				}
				write(to, record)
			}
		}
	}
	var errs []error
	for _, part := range []struct {
		lines *bytes.Buffer
		file  *rotating.File
	}{{&allowed, s.allowed}, {&denied, s.denied}} {
		if part.lines.Len() > 0 {
			errs = append(errs, part.file.Write(part.lines.Bytes()))
		}
	}
	return errors.Join(errs...)
}

// requests is the log that every request is in once for each proxy.
const requests = "requests"

func write(to *bytes.Buffer, r model.DecisionRecord) {
	if line, err := json.Marshal(r); err == nil { // texts and numbers
		to.Write(line)
		to.WriteByte('\n')
	}
}
