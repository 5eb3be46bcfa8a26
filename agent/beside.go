package agent

import (
	"context"
	"time"

	"github.com/krater-mesh/krater/agent/relay"
	"github.com/krater-mesh/krater/identity"
	"github.com/krater-mesh/krater/identity/keeper"
	"github.com/krater-mesh/krater/model"
)

// Task is something that runs beside Envoy. It runs until its context ends;
// where it fails it is begun again, and Envoy goes on.
type Task struct {
	Name string
	Run  func(context.Context, *Running) error
}

// Running is an agent that runs, as its tasks see it.
type Running struct {
	Proxy Proxy
	Admin string // the URL of Envoy's admin page
	// Report tells the control plane how the application is.
	Report func(healthy bool, why string)
	// Settings are the newest of the control plane's for this agent; ok: there
	// are any. changed is closed when there are others.
	Settings func() (s model.AgentSettings, ok bool, changed <-chan struct{})
	// Names are those of the mesh, likewise.
	Names func() (n model.NameTable, ok bool, changed <-chan struct{})
	// Identity is the workload's certificate of now; false: it has none.
	Identity func() (identity.Credential, bool)
}

func (a *Agent) running(r *relay.Relay, keep *keeper.Keeper) *Running {
	return &Running{Proxy: a.o.Proxy, Admin: a.o.Proxy.admin(), Report: r.Report, Settings: r.Settings, Names: r.Names, Identity: keep.Current}
}

// beside keeps a task running.
func (a *Agent) beside(ctx context.Context, t Task, running *Running) error {
	restart := backoff{first: 100 * time.Millisecond, most: 10 * time.Second, calm: 20 * time.Second}
	for {
		began := time.Now()
		err := t.Run(ctx, running)
		if ctx.Err() != nil || err == nil {
			return nil
		}
		wait := restart.after(time.Since(began))
		a.o.Logger.Warn("a part of the agent failed and is begun again", "part", t.Name, "reason", err, "in", wait)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}
