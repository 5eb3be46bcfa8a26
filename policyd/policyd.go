// Package policyd turns the control plane's RegoPolicies into answers for
// the proxies' ext_authz. It starts from the last good policies on disk, and
// goes on with them while the control plane is away. It never decides by a
// policy that does not compile.
package policyd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/tap"

	"github.com/krater-mesh/krater/listen"
	"github.com/krater-mesh/krater/policyd/authz"
	"github.com/krater-mesh/krater/policyd/decisionlog"
)

// Options say where policyd listens, and whence its policies come.
type Options struct {
	Listen string // "unix:PATH", or "host:port" in plain text
	// Doors are where proxies of other machines ask, over mutual TLS:
	// "host:port".
	Doors        []string
	ControlPlane string // gRPC target; empty: policies come by Server alone
	StateDir     string // of the last good policies
	// Network is how proxies of other machines are served, and the control
	// plane of another is asked.
	Network listen.Network
	// Decisions is the collector that takes the log of decisions: "unix:PATH".
	// Empty: none does.
	Decisions string
	Logger    *slog.Logger
	Ready     func() // called once, when checks are answered; may be nil
}

// Service is policyd. Make it by New; Run does the work.
type Service struct {
	options Options
	log     *decisionlog.Queue
	sender  *decisionlog.Sender // nil: nobody takes decisions
	server  *authz.Server
}

// New prepares a policyd. Nothing runs yet.
func New(o Options) *Service {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	log := decisionlog.NewQueue(decisionsQueued, decisionlog.Log(o.Logger, slog.LevelDebug))
	options := authz.Options{Logger: o.Logger, Awaits: o.ControlPlane != ""}
	var recorders decisionlog.All
	if o.Logger.Enabled(context.Background(), slog.LevelDebug) {
		recorders = append(recorders, log)
	}
	sender := newSender(o, log)
	if sender != nil {
		recorders = append(recorders, sender)
	}
	if len(recorders) > 0 {
		options.Recorder = recorders
	}
	return &Service{options: o, log: log, sender: sender, server: authz.New(options)}
}

// newSender is nil where nobody takes decisions.
func newSender(o Options, lost *decisionlog.Queue) *decisionlog.Sender {
	if o.Decisions == "" {
		return nil
	}
	s, err := decisionlog.NewSender(o.Decisions, lost, o.Logger)
	if err != nil { // the target is no name that gRPC can read
		o.Logger.Error("no decisions are sent", "reason", err)
		return nil
	}
	lost.Report()
	return s
}

// decisionsQueued bounds the decision log's memory: about 300 bytes each.
const decisionsQueued = 4096

// Run runs a policyd until ctx is done.
func Run(ctx context.Context, o Options) error { return New(o).Run(ctx) }

// Server answers the checks.
func (s *Service) Server() *authz.Server { return s.server }

// Run listens, follows the control plane and answers until ctx is done.
func (s *Service) Run(ctx context.Context) error {
	if err := s.options.permits(); err != nil {
		return err
	}
	servers, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(ballast())
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.log.Run(ctx) })
	if s.sender != nil {
		group.Go(func() error { return s.sender.Run(ctx) })
	}
	group.Go(func() error { return s.follow(ctx) })
	for _, o := range servers {
		group.Go(func() error { return s.serve(ctx, o) })
	}
	if s.options.Ready != nil {
		s.options.Ready()
	}
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("running policyd: %w", err)
	}
	return nil
}

// opened is a server with what it listens on.
type opened struct {
	listener net.Listener
	server   *grpc.Server
}

// open listens on every address, or on none.
func (s *Service) open(ctx context.Context) ([]opened, error) {
	var out []opened
	for i, target := range append([]string{s.options.Listen}, s.options.Doors...) {
		l, err := listen.On(ctx, target)
		if err != nil {
			for _, o := range out {
				_ = o.listener.Close()
			}
			return nil, err
		}
		var options []grpc.ServerOption
		if i > 0 {
			options = members(s.options.Network).serverOptions()
		}
		out = append(out, opened{l, NewGRPCServer(s.server, options...)})
		s.options.Logger.Info("policyd answers", "address", target)
	}
	return out, nil
}

// serve answers checks. When ctx ends, checks that are under way have a
// moment to end too.
func (s *Service) serve(ctx context.Context, o opened) error {
	stopped := make(chan struct{})
	defer func() { <-stopped }()
	go func() {
		defer close(stopped)
		<-ctx.Done()
		kill := time.AfterFunc(drain, o.server.Stop)
		defer kill.Stop()
		o.server.GracefulStop()
	}()
	if err := o.server.Serve(o.listener); err != nil && ctx.Err() == nil {
		return fmt.Errorf("serving ext_authz on %s: %w", o.listener.Addr(), err)
	}
	return nil
}

const drain = 2 * time.Second

// streams is how many questions a connection may have under way: what would
// wait longer has a better place at its proxy.
const streams = 1024

// NewGRPCServer is a gRPC server of ext_authz and health. Calls that are part of
// a trace are spans of it.
func NewGRPCServer(checks authv3.AuthorizationServer, more ...grpc.ServerOption) *grpc.Server {
	return newGRPCServer(checks, withinTraces{spans()}, more...)
}

func newGRPCServer(checks authv3.AuthorizationServer, spans stats.Handler, more ...grpc.ServerOption) *grpc.Server {
	if full, ok := checks.(interface{ TurnAway(string) error }); ok {
		more = append(more, grpc.InTapHandle(func(ctx context.Context, info *tap.Info) (context.Context, error) {
			return ctx, full.TurnAway(info.FullMethodName)
		}))
	}
	server := grpc.NewServer(append([]grpc.ServerOption{
		grpc.StatsHandler(spans),
		grpc.MaxConcurrentStreams(streams), grpc.NumStreamWorkers(uint32(4 * runtime.GOMAXPROCS(0))),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
	}, more...)...)
	authv3.RegisterAuthorizationServer(server, checks)
	healthv1.RegisterHealthServer(server, health.NewServer())
	return server
}
