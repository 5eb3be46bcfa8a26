// Package controlplane follows the declared configuration and gives each proxy
// and daemon its part of it: files → Snapshot → Resources → delta xDS. It
// never loses what worked: a bad edit becomes a Problem, and the rest goes on.
package controlplane

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/krater-mesh/krater/cmd/krater/admission"
	"github.com/krater-mesh/krater/cmd/krater/registrar"
	"github.com/krater-mesh/krater/cmd/krater/stages"
	"github.com/krater-mesh/krater/config/status"
	"github.com/krater-mesh/krater/identity/authority"
	"github.com/krater-mesh/krater/listen"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/serve"
	"github.com/krater-mesh/krater/xds/translate"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
)

// Options of a control plane.
type Options struct {
	Paths     []string // files and folders of configuration
	StateDir  string   // the last good versions
	ModuleDir string   // Wasm modules, by digest
	Rollouts  string   // the file of where rollouts of filters are; "": in memory only
	Admin     string   // where the admin API is served
	// XDS is where policyd and the collector of this machine get their part,
	// without TLS: a Unix socket that their user alone can open.
	XDS string
	// Agents is where agents get certificates, configuration and modules, over
	// TLS: each "unix:PATH" or "host:port".
	Agents []string
	CADir  string // what the mesh's authority keeps
	// CAFiles holds an authority that somebody else made, in the form of
	// Istio's cacerts. Empty: the authority's own root.
	CAFiles    string
	CertTTL    time.Duration // the longest that a certificate is good; 0: authority.DefaultTTL
	Registered string        // the WorkloadEntries of those who registered themselves
	// Grace is how long those stay when their agents went; 0: registrar.DefaultGrace.
	Grace  time.Duration
	Denied string // the file of denied workloads
	Logger *slog.Logger
}

// ControlPlane is one run of it.
type ControlPlane struct {
	o         Options
	stages    *stages.Stages
	server    *serve.Server
	edits     *edits
	status    *status.Status
	gate      *admission.Gate
	registrar *registrar.Registrar
	authority *authority.Authority // opened by Run
	rollouts  *rollouts
	loads     *loads
	answered  chan struct{} // capacity 1: a proxy answered for what it was to load
	wanted    chan struct{} // capacity 1: the configuration is to be taken again
	// Of whoever takes an edit, or a step of a rollout.
	taking     sync.Mutex
	taken      stages.Result
	publisher  *publisher
	policySets policySets
	proxies    proxyReports

	mu             sync.Mutex
	current        published
	deniedProblems model.Problems
}

// published is the newest snapshot with what came of it.
type published struct {
	snapshot    *model.Snapshot
	endpoints   model.Endpoints
	rollouts    uint64                   // their edition
	problems    model.Problems           // all of them
	translation model.Problems           // those of translation
	clients     map[string][]*serve.Part // what was published, by node
	at          time.Time
}

// New reads nothing and listens nowhere yet.
func New(o Options) (*ControlPlane, error) {
	c := &ControlPlane{o: o, status: status.New(64), edits: newEdits(), loads: newLoads(), answered: make(chan struct{}, 1), wanted: make(chan struct{}, 1)}
	st, err := stages.OpenFollowing(append(slices.Clone(o.Paths), o.Registered), o.StateDir, o.ModuleDir, c.again)
	if err != nil {
		return nil, err
	}
	c.stages = st
	if c.registrar, err = registrar.Open(registrar.Options{Dir: o.Registered, Grace: o.Grace, Removed: c.freeName, Logger: o.Logger}); err != nil {
		return nil, err
	}
	c.gate = admission.New(admission.Options{Peer: c.peer, Joined: c.joined, Logger: o.Logger})
	c.publisher = newPublisher(translate.Options{ModuleDir: o.ModuleDir, Builtin: st.Builtin()})
	c.server = serve.New(serve.Options{
		Logger: o.Logger, Observe: c.observe, Admit: c.gate.Admit,
		Reports: map[string]func(string, *discovery.DeltaDiscoveryRequest){typeHealth: c.reportHealth, model.TypeProxyReport: c.reportProxy},
	})
	c.rollouts = openRollouts(o.Rollouts, o.Logger, c.server)
	return c, nil
}

// Run serves until ctx ends. The first configuration is published before
// anybody is served.
func (c *ControlPlane) Run(ctx context.Context) error {
	defer c.stages.Close()
	if err := c.edit(ctx, "start", time.Now()); err != nil {
		return err
	}
	if err := c.openAuthority(); err != nil {
		return err
	}
	defer c.authority.Close()
	defer c.registrar.Close()
	if err := c.readDenied(); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	listeners := []listener{{c.o.XDS, c.serveXDS}}
	for _, target := range c.o.Agents {
		listeners = append(listeners, listener{target, c.serveAgents})
	}
	listeners = append(listeners, listener{c.o.Admin, c.serveAdmin}) // last: once it answers, all do
	for _, l := range listeners {
		open, err := listen.On(ctx, l.target)
		if err != nil {
			group.Go(func() error { return err }) // ends those before it
			break
		}
		group.Go(func() error { return l.serve(ctx, open) })
	}
	c.registrar.Start()
	group.Go(func() error { return c.watch(ctx) })
	group.Go(func() error { return c.authority.Run(ctx) })
	group.Go(func() error { c.gate.Run(ctx, c.authority.Changed); return nil })
	group.Go(func() error { c.followDenied(ctx); return nil })
	group.Go(func() error { c.followRollouts(ctx); return nil })
	group.Go(func() error { c.followModules(ctx); return nil })
	return group.Wait()
}

// listener is an address, and what is served there.
type listener struct {
	target string
	serve  func(context.Context, net.Listener) error
}

func (c *ControlPlane) watch(ctx context.Context) error {
	err := c.stages.Watch(ctx, func() {
		if err := c.edit(ctx, "edit", time.Now()); err != nil && ctx.Err() == nil {
			c.o.Logger.Error("an edit could not be taken; the configuration before it stays in force", "reason", err)
		}
	})
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("watching the configuration: %w", err)
	}
	return nil
}

func (c *ControlPlane) serveXDS(ctx context.Context, l net.Listener) error {
	g := grpc.NewServer(serve.GRPCOptions()...)
	c.server.Register(g)
	stop := context.AfterFunc(ctx, g.Stop)
	defer stop()
	if err := g.Serve(l); err != nil && ctx.Err() == nil {
		return fmt.Errorf("serving xDS: %w", err)
	}
	return nil
}

func (c *ControlPlane) serveAdmin(ctx context.Context, l net.Listener) error {
	s := &http.Server{Handler: c.adminAPI(), ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving the admin API: %w", err)
	}
	return nil
}
