// Package door takes telemetry from other machines, over mutual TLS, and hands
// it to the collector's own sockets on this one. It takes from members of the
// mesh only, and each speaks as itself: what names the sender is written anew.
package door

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"time"

	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/service/accesslog/v3"
	"github.com/krater-mesh/krater/listen"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

// Options of a door.
type Options struct {
	Listen []string // each "host:port"
	TLS    *tls.Config
	// Caller is the workload at the other end of a call, by its certificate; an
	// error refuses the call.
	Caller func(context.Context) (namespace, workload string, err error)
	OTLP   string // the collector's own receivers: "unix:PATH"
	ALS    string
	Logger *slog.Logger
}

// maxStreams bounds what one proxy has under way at once: a stream for each of
// its workers' logs, and calls.
const maxStreams = 128

// Door is open while it runs.
type Door struct{ o Options }

// New makes a door, closed as yet.
func New(o Options) *Door { return &Door{o} }

// Run takes telemetry until ctx ends.
func (d *Door) Run(ctx context.Context) error {
	if d.o.TLS == nil || d.o.Caller == nil {
		return errors.New("taking telemetry from other machines needs an identity")
	}
	otlp, err := dial(d.o.OTLP)
	if err != nil {
		return err
	}
	defer otlp.Close()
	als, err := dial(d.o.ALS)
	if err != nil {
		return err
	}
	defer als.Close()
	work, ctx := errgroup.WithContext(ctx)
	for _, target := range d.o.Listen {
		l, err := listen.On(ctx, target)
		if err != nil {
			work.Go(func() error { return err })
			break
		}
		server := d.server(otlp, als)
		stop := context.AfterFunc(ctx, server.Stop)
		work.Go(func() error {
			defer stop()
			if err := server.Serve(l); err != nil && ctx.Err() == nil {
				return fmt.Errorf("taking telemetry on %s: %w", target, err)
			}
			return nil
		})
	}
	return work.Wait()
}

// dial reaches one of the collector's own sockets. It does not wait for it.
func dial(target string) (*grpc.ClientConn, error) {
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithNoProxy())
	if err != nil {
		return nil, fmt.Errorf("reaching the collector's socket %s: %w", target, err)
	}
	return conn, nil
}

func (d *Door) server(otlp, als *grpc.ClientConn) *grpc.Server {
	g := grpc.NewServer(
		grpc.Creds(credentials.NewTLS(d.o.TLS)), grpc.MaxConcurrentStreams(maxStreams), grpc.ConnectionTimeout(10*time.Second),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
	)
	ptraceotlp.RegisterGRPCServer(g, &traces{d: d, to: ptraceotlp.NewGRPCClient(otlp)})
	pmetricotlp.RegisterGRPCServer(g, &metrics{d: d, to: pmetricotlp.NewGRPCClient(otlp)})
	plogotlp.RegisterGRPCServer(g, &logs{d: d, to: plogotlp.NewGRPCClient(otlp)})
	accesslogv3.RegisterAccessLogServiceServer(g, &accessLogs{d: d, to: accesslogv3.NewAccessLogServiceClient(als)})
	return g
}
