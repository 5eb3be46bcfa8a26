// Package agent stands beside one Envoy: it gets the workload's identity,
// relays the configuration, writes the bootstrap, starts the proxy, starts it
// again when it dies, and ends it. It never looks at requests.
package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/krater-mesh/krater/agent/filters"
	"github.com/krater-mesh/krater/agent/modules"
	"github.com/krater-mesh/krater/agent/relay"
	"github.com/krater-mesh/krater/agent/secrets"
	"github.com/krater-mesh/krater/identity"
	"github.com/krater-mesh/krater/identity/keeper"
	"github.com/krater-mesh/krater/model"
)

// Options of one agent.
type Options struct {
	Envoy    string // path of the binary; see FindEnvoy
	StateDir string // a folder of the agent's own, readable by its user only
	// SocketDir holds the two sockets that Envoy asks; StateDir if "". A
	// socket's path has room for 107 bytes.
	SocketDir string
	ModuleDir string // Wasm modules; a folder within StateDir if ""
	// Proxy is who the Envoy is. Without an ID the certificate says it.
	Proxy Proxy
	// Upstreams are where Krater's parts listen. ControlPlane is its listener
	// for agents; SDS and TrustDomain are the agent's own to fill in.
	Upstreams   Upstreams
	TrustDomain string
	Roots       []byte // PEM: whom to believe to be the control plane, at first
	TokenFile   string // what the first certificate is asked for with
	Concurrency int    // Envoy's worker threads; 0: one
	// What Envoy logs: its level, "warning" if "", and that of its components,
	// "COMPONENT:LEVEL" with commas between.
	LogLevel, ComponentLogLevel string
	Output                      io.Writer // Envoy's log
	Logger                      *slog.Logger
	// ReportEvery is how often the control plane is told of the proxy; 0:
	// DefaultReportEvery.
	ReportEvery time.Duration

	Beside []Task // what else runs as long as the agent does
	// Drain is called once the agent is to end, before Envoy is: Envoy is ended
	// when it returns, or its context ends. Nil: at once.
	Drain func(context.Context, *Running)
}

// Files of an agent, within its StateDir.
const (
	PIDFile     = "envoy.pid" // Envoy's process id
	identityDir = "identity"
	lastGoodDir = "lastgood"
	moduleDir   = "modules"
	lockFile    = "agent.lock"
)

// drainWithin is how long Drain may take at most.
const drainWithin = time.Minute

// moduleUnused is for how long a module that nobody needs stays.
const moduleUnused = 24 * time.Hour

// Agent supervises one Envoy.
type Agent struct{ o Options }

// New makes an agent; it starts nothing.
func New(o Options) (*Agent, error) {
	if o.Proxy.Address == "" {
		return nil, errors.New("an agent needs its workload's address")
	}
	if o.Upstreams.ControlPlane == "" {
		return nil, errors.New("an agent needs a control plane")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Output == nil {
		o.Output = io.Discard
	}
	if o.Concurrency == 0 {
		o.Concurrency = 1
	}
	if o.ReportEvery == 0 {
		o.ReportEvery = DefaultReportEvery
	}
	if o.SocketDir == "" {
		o.SocketDir = o.StateDir
	}
	return &Agent{o}, nil
}

// Run keeps an Envoy running until ctx ends, and then ends it. Envoy starts
// once there is an identity and, where the control plane cannot be reached,
// from what it took last. The error says why none can be started at all.
func (a *Agent) Run(ctx context.Context) error {
	unlock, err := a.lock()
	if err != nil {
		return err
	}
	defer unlock()
	keep, err := a.openIdentity()
	if err != nil {
		return err
	}
	// All of it goes on while Envoy is drained, when ctx has ended already.
	all, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	group, all := errgroup.WithContext(all)
	group.Go(func() error { return keep.Run(all) })
	group.Go(func() error {
		defer end()
		err := a.serve(ctx, all, keep)
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			return nil
		}
		return err
	})
	return group.Wait()
}

// serve runs Envoy and what it needs, as long as ctx lasts and Envoy is
// drained; all lasts longer.
func (a *Agent) serve(ctx, all context.Context, keep *keeper.Keeper) error {
	me, err := a.identified(ctx, keep)
	if err != nil {
		return err
	}
	all, end := context.WithCancel(all)
	defer end()
	group, all := errgroup.WithContext(all)
	watch := newCredentials(keep)
	group.Go(func() error { return watch.run(all) })
	store := a.modules()
	var r *relay.Relay
	guard := a.filters(store, func(s model.SecretRef) bool {
		values, _, _ := r.FilterSecrets()
		return values.Values[s.String()] != nil
	})
	sealer, err := secrets.New()
	if err != nil {
		return err
	}
	r = a.relay(me, watch, keep, store, guard, sealer)
	ads, sds, err := a.listen(all, group, r, watch)
	if err != nil {
		end()
		return errors.Join(err, ignoreEnd(group.Wait()))
	}
	up := a.o.Upstreams
	up.ControlPlane, up.SDS, up.TrustDomain = ads, sds, me.TrustDomain
	running := a.running(r, keep)
	for _, task := range a.o.Beside {
		group.Go(func() error { return a.beside(all, task, running) })
	}
	proxy := process{filters: guard}
	group.Go(func() error { guard.Run(all, a.serves); return nil })
	group.Go(func() error { return a.report(all, r, &proxy) })
	group.Go(func() error {
		defer end()
		return a.runEnvoy(ctx, all, r, up, running, &proxy, sealer)
	})
	return ignoreEnd(group.Wait())
}

func ignoreEnd(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// runEnvoy keeps Envoy running until ctx ends and it is drained.
func (a *Agent) runEnvoy(ctx, all context.Context, r *relay.Relay, up Upstreams, running *Running, proxy *process, sealer *secrets.Sealer) error {
	file, err := a.writeBootstrap(up)
	if err != nil {
		return err
	}
	envoy, endEnvoy := context.WithCancel(all)
	defer endEnvoy()
	stop := context.AfterFunc(ctx, func() {
		defer endEnvoy()
		r.Hold()
		if a.o.Drain == nil {
			return
		}
		limited, cancel := context.WithTimeout(all, drainWithin)
		defer cancel()
		a.o.Drain(limited, running)
	})
	defer stop()
	child := a.envoy(file)
	child.Env = append(os.Environ(), sealer.Variable())
	child.Output = proxy.filters.Output()
	child.Began, child.Ended = proxy.began, proxy.ended
	return child.Run(envoy)
}

func (a *Agent) envoy(bootstrap string) Process {
	return Process{
		Name: "the envoy of " + a.o.Proxy.ID,
		Path: a.o.Envoy,
		Args: []string{
			"-c", bootstrap,
			"--use-dynamic-base-id",
			"--concurrency", fmt.Sprint(a.o.Concurrency),
			"--log-level", cmp.Or(a.o.LogLevel, "warning"),
			// misc tells of max_grpc_timeout, which has no good replacement, once a route.
			"--component-log-level", cmp.Or(a.o.ComponentLogLevel, "misc:error"),
			"--log-format", filters.LogFormat,
		},
		Output:  a.o.Output,
		PIDFile: filepath.Join(a.o.StateDir, PIDFile),
		Logger:  a.o.Logger,
	}
}

// relay is the relay of an Envoy whose identity is known.
func (a *Agent) relay(me identity.Claims, watch *credentials, keep *keeper.Keeper, store *modules.Store, guard *filters.Keeper, sealer *secrets.Sealer) *relay.Relay {
	r := relay.New(relay.Options{
		ControlPlane: a.o.Upstreams.ControlPlane, Node: a.o.Proxy.node(), Dir: filepath.Join(a.o.StateDir, lastGoodDir),
		Credentials: func() transportCredentials { return overTLS(keep.ClientTLS()) },
		Renewed:     watch.renewed, Modules: store, Filters: guard, Secrets: sealer, Logger: a.o.Logger.With("workload", me.ID()),
	})
	if a.o.ModuleDir == "" { // else others may need what this one does not
		store.Sweep(r.Modules(modules.Digests), time.Now().Add(-moduleUnused))
	}
	return r
}

// writeBootstrap gives the file that Envoy reads at its start.
func (a *Agent) writeBootstrap(up Upstreams) (string, error) {
	b, err := Bootstrap(a.o.Proxy, up)
	if err != nil {
		return "", err
	}
	text, err := MarshalBootstrap(b)
	if err != nil {
		return "", err
	}
	file := filepath.Join(a.o.StateDir, "bootstrap.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return "", fmt.Errorf("writing envoy's bootstrap: %w", err)
	}
	return file, nil
}
