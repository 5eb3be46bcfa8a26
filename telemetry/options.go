// Package telemetry turns what proxies and daemons report into what the
// declared backends get, by an OpenTelemetry Collector in this process. It
// never stands in a request's way: what it cannot take in time is dropped.
package telemetry

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/krater-mesh/krater/listen"
	"github.com/krater-mesh/krater/model"
)

// Options say where the collector gets what from. OTLP, ALS and StateDir are
// required, and one of ControlPlane and Source.
type Options struct {
	ControlPlane string // "unix:PATH" or "host:port" of the control plane
	OTLP         string // where to listen for OTLP over gRPC, likewise
	ALS          string // where to listen for Envoy's access logs, likewise
	// Doors are where proxies of other machines send theirs, over mutual TLS:
	// "host:port".
	Doors    []string
	Network  listen.Network
	StateDir string       // last good configuration; relative paths of files
	Logger   *slog.Logger // nil: slog.Default()
	Stdout   io.Writer    // where stdout backends write; nil: os.Stdout
	Ready    func()       // called once, when the listeners first accept; may be nil
	Source   Source       // instead of the control plane, for tests
}

// permits refuses to listen where nobody would know who sends.
func (o Options) permits() error {
	for _, target := range []string{o.OTLP, o.ALS} {
		if !listen.IsUnix(target) && !o.Network.Plain {
			return fmt.Errorf("listening on %s: the collector would take whatever anybody sends there, in plain text", target)
		}
	}
	return nil
}

// Source gives the collector's slice of the mesh, again whenever it changes,
// until the context ends. An error of apply says that this slice, or a part
// of it, is not in force.
type Source interface {
	Run(ctx context.Context, apply func(Slice) error) error
}

// Slice is the collector's part of the snapshot.
type Slice struct {
	Workloads  []model.Workload
	Rules      []model.TelemetryRule
	Backends   []model.TelemetryBackend
	Attributes []model.AttributeSet
	Reads      []model.PolicyReads
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Stdout == nil {
		o.Stdout = os.Stdout
	}
	if o.Ready == nil {
		o.Ready = func() {}
	}
	return o
}

// Run collects until the context ends.
func Run(ctx context.Context, o Options) error { return New(o).Run(ctx) }
