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
	"sync"
	"time"

	"github.com/krater-mesh/krater/cmd/krater/stages"
	"github.com/krater-mesh/krater/config/status"
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
	XDS       string   // where delta xDS is served: "unix:PATH" or "host:port"
	Admin     string   // where the admin API is served
	Logger    *slog.Logger
}

// ControlPlane is one run of it.
type ControlPlane struct {
	o      Options
	stages *stages.Stages
	server *serve.Server
	edits  *edits
	status *status.Status
	// Of the one goroutine that takes edits.
	publisher  *publisher
	policySets policySets

	mu      sync.Mutex
	current published
}

// published is the newest snapshot with what came of it.
type published struct {
	snapshot    *model.Snapshot
	endpoints   model.Endpoints
	problems    model.Problems           // all of them
	translation model.Problems           // those of translation
	clients     map[string][]*serve.Part // what was published, by node
	at          time.Time
}

// New reads nothing and listens nowhere yet.
func New(o Options) (*ControlPlane, error) {
	st, err := stages.Open(o.Paths, o.StateDir, o.ModuleDir)
	if err != nil {
		return nil, err
	}
	c := &ControlPlane{o: o, stages: st, status: status.New(64), edits: newEdits()}
	c.publisher = newPublisher(translate.Options{ModuleDir: o.ModuleDir, Builtin: st.Builtin(), NoIdentity: true}) // until agents serve identities
	c.server = serve.New(serve.Options{Logger: o.Logger, Observe: c.edits.observe})
	return c, nil
}

// Run serves until ctx ends. The first configuration is published before
// anybody is served.
func (c *ControlPlane) Run(ctx context.Context) error {
	if err := c.edit(ctx, "start", time.Now()); err != nil {
		return err
	}
	xds, err := listen.On(ctx, c.o.XDS)
	if err != nil {
		return err
	}
	admin, err := listen.On(ctx, c.o.Admin)
	if err != nil {
		xds.Close()
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return c.serveXDS(ctx, xds) })
	group.Go(func() error { return c.serveAdmin(ctx, admin) })
	group.Go(func() error { return c.watch(ctx) })
	return group.Wait()
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
