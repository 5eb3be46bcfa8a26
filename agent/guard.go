package agent

import (
	"context"
	"path/filepath"
	"time"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/krater-mesh/krater/agent/admin"
	"github.com/krater-mesh/krater/agent/filters"
	"github.com/krater-mesh/krater/agent/modules"
	"github.com/krater-mesh/krater/model"
)

// modules are those that Envoy needs.
func (a *Agent) modules() *modules.Store {
	if a.o.ModuleDir != "" {
		return modules.New(a.o.ModuleDir)
	}
	return modules.New(filepath.Join(a.o.StateDir, moduleDir))
}

// filters keeps Envoy's Wasm filters from harming it.
func (a *Agent) filters(store *modules.Store, secret func(model.SecretRef) bool) *filters.Keeper {
	return filters.New(filters.Options{
		Has: store.Has, Secret: secret, File: store.Path, Dir: a.o.StateDir, Output: a.o.Output, Logger: a.o.Logger.With("workload", a.o.Proxy.ID),
	})
}

// serves tells whether Envoy takes requests.
func (a *Agent) serves(ctx context.Context) bool {
	return admin.Page(a.o.Proxy.admin()).Ready(ctx) == nil
}

// After how long a thread that does nothing else any more ends Envoy. A worker
// never has reason to be away for a second. The main thread compiles modules,
// for seconds each, and traffic goes on meanwhile.
const (
	workerStuck = 2500 * time.Millisecond
	mainStuck   = 2 * time.Minute
)

func watchdogs() *bootstrapv3.Watchdogs {
	return &bootstrapv3.Watchdogs{
		MainThreadWatchdog: &bootstrapv3.Watchdog{
			MissTimeout: durationpb.New(time.Second), MegamissTimeout: durationpb.New(15 * time.Second), KillTimeout: durationpb.New(mainStuck),
		},
		WorkerWatchdog: &bootstrapv3.Watchdog{
			MissTimeout: durationpb.New(200 * time.Millisecond), MegamissTimeout: durationpb.New(time.Second), KillTimeout: durationpb.New(workerStuck),
		},
	}
}
