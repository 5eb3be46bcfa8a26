package up

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/krater-mesh/krater/agent"
	"github.com/krater-mesh/krater/agent/care"
	"github.com/krater-mesh/krater/cmd/krater/controlplane"
	"github.com/krater-mesh/krater/model"
)

// fleet keeps one agent for each declared workload, and its program.
type fleet struct {
	o       Options
	client  *controlplane.Client
	running map[string]*running        // by what it is and whose
	former  map[string]<-chan struct{} // what had the name before, until it has ended
	over    func() bool                // everything ends
	turn    chan struct{}              // a place for each Envoy that may be starting
	all     sync.WaitGroup
}

type running struct {
	version string // what it was started with
	end     context.CancelFunc
	ended   chan struct{}
}

func newFleet(o Options, client *controlplane.Client) *fleet {
	return &fleet{o: o, client: client, running: map[string]*running{}, former: map[string]<-chan struct{}{},
		over: func() bool { return false }, turn: make(chan struct{}, runtime.NumCPU())}
}

// run follows the declared workloads until ctx ends.
func (f *fleet) run(ctx context.Context) error {
	f.over = func() bool { return ctx.Err() != nil }
	version := ""
	for {
		if declared, err := f.client.Fleet(ctx); err == nil && declared.Version != version {
			version = declared.Version
			f.reconcile(ctx, declared)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(500 * time.Millisecond):
		}
	}
}

func (f *fleet) wait() { f.all.Wait() }

// reconcile starts what is declared and does not run, and ends the rest. It
// waits for nobody: what is drained may take its time.
func (f *fleet) reconcile(ctx context.Context, declared controlplane.Fleet) {
	wanted := map[string]func(context.Context) error{}
	versions := map[string]string{}
	for _, w := range declared.Workloads {
		id := envoyOf + w.ID()
		versions[id] = model.Hash([]any{w.Address, w.Locality, w.ServiceAccount})
		wanted[id] = func(ctx context.Context) error { return f.runAgent(ctx, w) }
		if w.Process == nil {
			continue
		}
		id = programOf + w.ID()
		versions[id] = model.Hash([]any{w.Process, w.Ports, w.Address})
		wanted[id] = func(ctx context.Context) error { return f.runProgram(ctx, w, declared.Services) }
	}
	f.end(versions)
	for id, run := range wanted {
		if _, ok := f.running[id]; !ok {
			f.running[id] = f.start(ctx, id, versions[id], run)
		}
	}
}

// The two things that run for a workload, by their names' beginnings.
const envoyOf, programOf = "envoy ", "program "

// end ends what is not wanted in its version. A program ends when its Envoy
// has: until then it is called.
func (f *fleet) end(versions map[string]string) {
	ending := map[string]*running{}
	for id, r := range f.running {
		if versions[id] != r.version {
			ending[id] = r
			f.former[id] = r.ended
			delete(f.running, id)
		}
	}
	for id, r := range ending {
		workload, isProgram := strings.CutPrefix(id, programOf)
		envoy := ending[envoyOf+workload]
		if !isProgram || envoy == nil {
			r.end()
			continue
		}
		f.all.Go(func() {
			<-envoy.ended
			r.end()
		})
	}
}

// start runs something once what had its name before has ended.
func (f *fleet) start(ctx context.Context, id, version string, run func(context.Context) error) *running {
	ctx, end := context.WithCancel(ctx)
	r := &running{version: version, end: end, ended: make(chan struct{})}
	before := f.former[id]
	delete(f.former, id)
	f.all.Go(func() {
		defer close(r.ended)
		if before != nil {
			<-before
		}
		if err := run(ctx); err != nil && ctx.Err() == nil {
			f.o.Logger.Error("a workload cannot be run", "what", id, "reason", err)
		}
	})
	return r
}

// runAgent waits for its turn: on few cores, proxies that start together are
// slower than one behind the other.
func (f *fleet) runAgent(ctx context.Context, w model.Workload) error {
	select {
	case f.turn <- struct{}{}:
	case <-ctx.Done():
		return nil
	}
	var once sync.Once
	release := func() { once.Do(func() { <-f.turn }) }
	defer release()
	go func() {
		defer release()
		f.awaitSynced(ctx, w.ID())
	}()

	dir := f.o.Layout.Agent(w.ID())
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the agent's folder: %w", err)
	}
	output, err := os.OpenFile(filepath.Join(dir, "envoy.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("opening the proxy's log: %w", err)
	}
	defer output.Close()
	o := agent.Options{
		Envoy: f.o.Envoy, StateDir: dir, SocketDir: f.o.Layout.AgentSockets(w.ID()), ModuleDir: f.o.Layout.Path("agents", "modules"), ReportEvery: time.Second,
		Proxy: agent.Proxy{ID: w.ID(), Name: w.Name, Address: w.Address, Locality: w.Locality},
		Upstreams: agent.Upstreams{
			ControlPlane: f.o.Layout.Socket("agents"), Policyd: f.o.Layout.Socket("policyd"),
			OTLP: f.o.Layout.Socket("otlp"), ALS: f.o.Layout.Socket("als"),
		},
		Output: output, Logger: slog.New(atLeast{f.o.Logger.Handler(), slog.LevelWarn}),
	}
	if err := Admit(ctx, f.client, w.ID(), &o); err != nil {
		return fmt.Errorf("admitting %s to the mesh: %w", w.ID(), err)
	}
	o.Beside = append(o.Beside, readmit(f.client, o))
	Care(&o, care.Options{Address: w.Address, Logger: o.Logger}, f.over)
	a, err := agent.New(o)
	if err != nil {
		return err
	}
	return a.Run(ctx)
}

// awaitSynced returns once a proxy runs what it was sent, and after 5 s in any case.
func (f *fleet) awaitSynced(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for {
		if status, err := f.client.Status(ctx); err == nil {
			for _, p := range status.Proxies {
				if p.ID == id && p.State() == controlplane.Synced {
					return
				}
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (f *fleet) runProgram(ctx context.Context, w model.Workload, services []*model.Service) error {
	path, err := program(*w.Process)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(f.o.Layout.Path("workloads", w.Namespace+"."+w.Name+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("opening the workload's log: %w", err)
	}
	defer file.Close()
	var output io.Writer = file
	if !f.o.Quiet {
		output = io.MultiWriter(file, newPrefix(f.o.Out, w.Name))
	}
	return agent.Process{
		Name: w.ID(), Path: path, Args: w.Process.Command[1:], Dir: w.Process.Dir,
		Env: environment(w, services), Output: output,
		PIDFile: f.o.Layout.Path("workloads", w.Namespace+"."+w.Name+".pid"), Logger: f.o.Logger,
	}.Run(ctx)
}
