// Package telemetry turns what proxies and daemons report into what the
// declared backends get, by an OpenTelemetry Collector in this process. It
// never stands in a request's way: what it cannot take in time is dropped.
package telemetry

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/krater-mesh/krater/listen"
	"github.com/krater-mesh/krater/model"
	"google.golang.org/grpc"
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
	Network  Network
	StateDir string       // last good configuration; relative paths of files
	Logger   *slog.Logger // nil: slog.Default()
	Stdout   io.Writer    // where stdout backends write; nil: os.Stdout
	Ready    func()       // called once, when the listeners first accept; may be nil
	Source   Source       // instead of the control plane, for tests
}

// Network is what the collector does where it is reached over a network:
// mutual TLS, by which it knows who sends.
type Network struct {
	Server *tls.Config // of Doors
	// Dial is how the control plane is reached where it serves agents. Nil: in
	// plain text, on its socket for this machine's daemons.
	Dial []grpc.DialOption
	// Caller is the workload at the other end of a call, by its certificate; an
	// error refuses the call.
	Caller func(context.Context) (namespace, workload string, err error)
	// Plain lets anybody who reaches OTLP or ALS at "host:port" send, in plain
	// text.
	Plain bool
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
