// Package serve hands each proxy the resources published for its node, over
// delta ADS. In go encoded sets, out go only resources whose bytes changed,
// in an order that leaves no reference dangling. It never answers the state of
// the world protocol, and never looks into a resource.
package serve

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
)

// Options are what a Server is made with. Their zero value is useful.
type Options struct {
	Logger *slog.Logger // nil: silent
	// Observe is called for each event, in order within a stream, from the
	// stream's goroutine: a slow one delays that stream only.
	Observe func(Event)
	// Admit is asked with the first request of each stream, whether it may
	// speak for its node; nil: whoever comes may. The stream ends, with the
	// cause as its error, when the context ends that it gives.
	Admit func(ctx context.Context, node *core.Node) (context.Context, error)
	// Reports are called, by type URL, with requests that ask for nothing: they
	// tell something of the proxy, and are never answered.
	Reports map[string]func(node string, req *discovery.DeltaDiscoveryRequest)
}

// Server serves many proxies. Its methods may be called by many goroutines.
type Server struct {
	discovery.UnimplementedAggregatedDiscoveryServiceServer
	log     *slog.Logger
	watcher func(Event)
	admit   func(context.Context, *core.Node) (context.Context, error)
	reports map[string]func(string, *discovery.DeltaDiscoveryRequest)

	mu    sync.Mutex // never held while encoding or sending
	nodes map[string]*node
}

var _ discovery.AggregatedDiscoveryServiceServer = (*Server)(nil)

// New makes a server. It starts nothing.
func New(o Options) *Server {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Observe == nil {
		o.Observe = func(Event) {}
	}
	if o.Admit == nil {
		o.Admit = func(ctx context.Context, _ *core.Node) (context.Context, error) { return ctx, nil }
	}
	return &Server{log: o.Logger, watcher: o.Observe, admit: o.Admit, reports: o.Reports, nodes: map[string]*node{}}
}

// Register adds the server to a gRPC server, which is made with GRPCOptions.
func (s *Server) Register(g *grpc.Server) {
	discovery.RegisterAggregatedDiscoveryServiceServer(g, s)
}

// GRPCOptions are what the gRPC server needs to send what is encoded already,
// to notice proxies that went without a word, and to accept the keep-alives
// of those that are there.
func GRPCOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ForceServerCodecV2(codec{}),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
		grpc.MaxRecvMsgSize(16 << 20),
	}
}

// StreamAggregatedResources refuses: only the delta protocol is spoken.
func (s *Server) StreamAggregatedResources(discovery.AggregatedDiscoveryService_StreamAggregatedResourcesServer) error {
	return status.Error(codes.Unimplemented, "krater serves delta xDS only: set api_type to DELTA_GRPC in ads_config")
}

// Publish gives a node its newest set. It returns before anything is sent,
// and an error, with nothing changed, if a resource cannot be encoded. The
// set's messages must not be changed afterwards.
func (s *Server) Publish(node string, set Set, cause Cause) error {
	return s.PublishTo([]string{node}, set, cause)
}

// PublishTo gives several nodes one set, which is encoded once.
func (s *Server) PublishTo(nodes []string, set Set, cause Cause) error {
	part, err := NewEncoder().Part(set)
	if err != nil {
		return fmt.Errorf("publishing for %s: %w", strings.Join(nodes, ", "), err)
	}
	for _, node := range nodes {
		s.PublishParts(node, []*Part{part}, cause)
	}
	return nil
}

// PublishParts gives a node the union of some parts. No two have a resource
// in common. Their order means nothing, but is best kept from one time to the
// next: a part is compared with the one that was in its place.
func (s *Server) PublishParts(node string, parts []*Part, cause Cause) {
	if cause.At.IsZero() {
		cause.At = time.Now()
	}
	s.replace(node, parts, cause)
}

// observe reports events.
func (s *Server) observe(events []Event) {
	for _, e := range events {
		if e.Kind == EventNacked {
			s.log.Warn("configuration refused", "node", e.Node, "type", short(e.Type), "resources", e.Names, "removed", e.Removed, "detail", e.Detail)
		} else {
			s.log.Debug("xds "+string(e.Kind), "node", e.Node, "type", short(e.Type), "resources", len(e.Names), "removed", len(e.Removed), "bytes", e.Bytes)
		}
		s.watcher(e)
	}
}
