// Package opaexporter hands decisions to who reads OPA's decision logs: a
// service that takes them by POST, as OPA's own do (a JSON list, gzip), a file,
// or the terminal, one event a line. It never sends what is no decision.
package opaexporter

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/krater-mesh/krater/telemetry/rotating"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/pdata/plog"
)

// Type is the component's name in a configuration.
var Type = component.MustNewType("opa")

// Config is the exporter's part of a collector configuration. With neither a
// URL nor a path events are printed.
type Config struct {
	URL  string `mapstructure:"url"`  // "/logs" is added
	Path string `mapstructure:"path"` // of a file
}

// Validate implements xconfmap.Validator.
func (c *Config) Validate() error {
	if c.URL != "" && c.Path != "" {
		return errors.New("url and path: only one may be given")
	}
	return nil
}

// The bounds of a file, and of one upload, as OPA's own are.
const (
	fileSize   = 100 << 20
	backups    = 3
	uploadSize = 1 << 20 // of events, before they are packed
	timeout    = 10 * time.Second
)

// NewFactory gives the factory of exporters; out is the terminal.
func NewFactory(out io.Writer) exporter.Factory {
	create := func(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Logs, error) {
		s := &sink{config: cfg.(*Config), out: out, client: &http.Client{Timeout: timeout}}
		return exporterhelper.NewLogs(ctx, set, cfg, s.push, exporterhelper.WithStart(s.start), exporterhelper.WithShutdown(s.shutdown),
			exporterhelper.WithQueue(configoptional.Some(exporterhelper.NewDefaultQueueConfig())),
			exporterhelper.WithRetry(configretry.NewDefaultBackOffConfig()))
	}
	return exporter.NewFactory(Type, func() component.Config { return &Config{} }, exporter.WithLogs(create, component.StabilityLevelDevelopment))
}

type sink struct {
	config *Config
	out    io.Writer
	client *http.Client
	file   *rotating.File
}

func (s *sink) start(context.Context, component.Host) (err error) {
	if s.config.Path != "" {
		s.file, err = rotating.Open(s.config.Path, fileSize, backups)
	}
	return err
}

func (s *sink) shutdown(context.Context) error {
	s.client.CloseIdleConnections()
	if s.file != nil {
		return s.file.Close()
	}
	return nil
}

// push hands the records' bodies on, each of which is an event.
func (s *sink) push(ctx context.Context, ld plog.Logs) error {
	events := eventsOf(ld)
	switch {
	case len(events) == 0:
		return nil
	case s.config.URL != "":
		return s.upload(ctx, events)
	}
	lines := append(bytes.Join(events, []byte("\n")), '\n')
	if s.file != nil {
		return s.file.Write(lines)
	}
	_, err := s.out.Write(lines)
	return err
}

func eventsOf(ld plog.Logs) (out [][]byte) {
	for _, rl := range ld.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, r := range sl.LogRecords().All() {
				out = append(out, []byte(r.Body().Str()))
			}
		}
	}
	return out
}

// upload sends events in parts that services take.
func (s *sink) upload(ctx context.Context, events [][]byte) error {
	for len(events) > 0 {
		n, size := 0, 0
		for n < len(events) && (n == 0 || size+len(events[n]) < uploadSize) {
			size += len(events[n])
			n++
		}
		if err := s.post(ctx, events[:n]); err != nil {
			return err
		}
		events = events[n:]
	}
	return nil
}

// post sends one list. A refusal that another try would not change is final.
func (s *sink) post(ctx context.Context, events [][]byte) error {
	var body bytes.Buffer
	z := gzip.NewWriter(&body)
	_, err1 := z.Write(append(append([]byte("["), bytes.Join(events, []byte(","))...), ']'))
	if err := errors.Join(err1, z.Close()); err != nil {
		return consumererror.NewPermanent(fmt.Errorf("packing decisions: %w", err))
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, s.config.URL+"/logs", &body)
	if err != nil {
		return consumererror.NewPermanent(fmt.Errorf("sending decisions: %w", err))
	}
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("Content-Encoding", "gzip")
	answer, err := s.client.Do(q)
	if err != nil {
		return fmt.Errorf("sending decisions: %w", err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<16))
	switch {
	case answer.StatusCode < 300:
		return nil
	case answer.StatusCode == http.StatusTooManyRequests || answer.StatusCode >= 500:
		return fmt.Errorf("sending decisions: the service answers %s", answer.Status)
	}
	return consumererror.NewPermanent(fmt.Errorf("sending decisions: the service answers %s", answer.Status))
}
