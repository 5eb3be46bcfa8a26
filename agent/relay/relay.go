// Package relay stands between one Envoy and the control plane: delta ADS in
// and out, in the order in which it comes. It keeps what Envoy took as the
// last good configuration, and answers from that when the control plane is
// away. It never makes up or changes a resource, but for where modules lie.
package relay

import (
	"context"
	"log/slog"
	"sync"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/krater-mesh/krater/model"
)

// Options of a relay.
type Options struct {
	ControlPlane string       // "unix:PATH" or "host:port"
	Node         *corev3.Node // who the Envoy is, whatever it says itself
	Dir          string       // where the last good configuration is kept
	// Credentials are asked for with each connection.
	Credentials func() credentials.TransportCredentials
	// Renewed is closed when the next connection would have another
	// certificate; nil: never.
	Renewed func() <-chan struct{}
	Modules Modules // nil: resources stay as they are
	Filters Filters // nil: likewise
	Logger  *slog.Logger

	// Patience is how long a control plane that says nothing is waited for.
	// Zero is 2 s.
	Patience time.Duration
	// Backoff is the wait before the nth connection in a row that failed, from
	// 1. Nil doubles from 100 ms to 5 s, each with a random half taken off.
	Backoff func(attempt int) time.Duration
	Secrets Secrets // nil: what filters take of Secrets stays a reference
	// ModuleWait is how long a module is waited for before its filter's failure
	// policy decides. Zero is 5 s.
	ModuleWait time.Duration
	// Quiet is how long nothing may come before what Envoy took is written
	// down. Zero is 300 ms.
	Quiet time.Duration
}

// Modules puts what Envoy reads from files in its place.
type Modules interface {
	// Missing are the modules, by digest, that a resource names and that are
	// not here.
	Missing(r *discoveryv3.Resource) []string
	// Fetch gets one from the control plane.
	Fetch(ctx context.Context, from grpc.ClientConnInterface, digest string) error
	// Localize gives the resource with the names of the files that are here.
	Localize(r *discoveryv3.Resource) (*discoveryv3.Resource, error)
}

// Secrets puts values in the place of references to them.
type Secrets interface {
	Seal(r *discoveryv3.Resource, values model.FilterSecrets) (*discoveryv3.Resource, error)
}

// Filters says how Wasm filters stand in Envoy's copy of a resource.
type Filters interface {
	// Stand gives a resource as Envoy is to have it now. What lacks its module
	// is not in force in it.
	Stand(r *discoveryv3.Resource) (*discoveryv3.Resource, error)
	// Changed is closed when a resource would stand otherwise than before.
	Changed() <-chan struct{}
	// Sent, Took and Removed follow what Envoy has: resources as they came.
	Sent(r *discoveryv3.Resource)
	Took(names []string)
	Removed(names []string)
	// Lacks is called with a module that could not be had, and why, as far as it
	// is known; Arrived with those that came.
	Lacks(digest, reason string)
	Arrived(digests []string)
}

// Relay is one. Its methods may be called by many goroutines.
type Relay struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer
	o   Options
	log *slog.Logger

	mu      sync.Mutex
	kept    *lastGood
	held    bool                                          // what comes is not written down any more
	end     context.CancelCauseFunc                       // of the newest stream
	report  map[string]*discoveryv3.DeltaDiscoveryRequest // the agent's own, newest, by type
	reports map[chan struct{}]map[string]bool             // woken by new ones, of these types

	own own // what the agent itself is told

	heard time.Time // when Envoy had the newest; zero: nobody knows

	standsIn bool // for a filter whose module is not here, something can stand
}

var _ discoveryv3.AggregatedDiscoveryServiceServer = (*Relay)(nil)

// New reads what was kept; a file that cannot be is named in the log and
// counts as not there. It starts nothing.
func New(o Options) *Relay {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Credentials == nil {
		o.Credentials = plaintext
	}
	if o.Patience == 0 {
		o.Patience = 2 * time.Second
	}
	if o.Quiet == 0 {
		o.Quiet = 300 * time.Millisecond
	}
	if o.Backoff == nil {
		o.Backoff = backoff
	}
	if o.Modules == nil {
		o.Modules = noModules{}
	}
	standsIn := o.Filters != nil
	if o.Filters == nil {
		o.Filters = noFilters{}
	}
	if o.ModuleWait == 0 {
		o.ModuleWait = 5 * time.Second
	}
	return &Relay{o: o, log: o.Logger, kept: load(o.Dir, o.Node.GetId(), o.Logger), report: map[string]*discoveryv3.DeltaDiscoveryRequest{}, reports: map[chan struct{}]map[string]bool{},
		own: loadOwn(o.Dir, o.Logger), standsIn: standsIn}
}

// Register adds the relay to the gRPC server that Envoy asks.
func (r *Relay) Register(g *grpc.Server) {
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(g, r)
}

// StreamAggregatedResources refuses: only the delta protocol is spoken.
func (r *Relay) StreamAggregatedResources(discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesServer) error {
	return status.Error(codes.Unimplemented, "krater relays delta xDS only: set api_type to DELTA_GRPC in ads_config")
}

// Hold keeps what is written down as it is: Envoy is about to end, and what
// it drops from now on is no news of the configuration.
func (r *Relay) Hold() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = true
}

func (r *Relay) isHeld() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.held
}

// Kept tells whether there is a last good configuration to start from.
func (r *Relay) Kept() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.kept.types) > 0
}

// DeltaAggregatedResources relays for one Envoy until it goes, or the next one
// comes.
func (r *Relay) DeltaAggregatedResources(down discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	ctx, cancel := context.WithCancelCause(down.Context())
	defer cancel(nil)
	r.mu.Lock()
	if ctx.Err() != nil { // it went before its turn, the next one may be here
		r.mu.Unlock()
		return context.Cause(ctx)
	}
	if r.end != nil {
		r.end(status.Error(codes.Aborted, "another Envoy came"))
	}
	r.end = cancel
	r.mu.Unlock()
	return newConversation(r, down).run(ctx)
}
