package up

import (
	"context"
	"sync"

	"github.com/krater-mesh/krater/agent"
	"github.com/krater-mesh/krater/agent/admin"
	"github.com/krater-mesh/krater/agent/care"
)

// Care has an agent care for its application. Where everything ends with it,
// nobody is waited for.
func Care(o *agent.Options, c care.Options, everythingEnds func() bool) {
	var once sync.Once
	var cared *care.Care
	of := func(a *agent.Running) *care.Care {
		once.Do(func() {
			c.Logger = c.Logger.With("workload", a.Proxy.ID)
			cared = care.New(c, care.Beside{Envoy: admin.Page(a.Admin), Report: a.Report, Settings: a.Settings})
		})
		return cared
	}
	o.Beside = append(o.Beside,
		agent.Task{Name: "probe", Run: func(ctx context.Context, a *agent.Running) error { return of(a).Probe(ctx) }},
		agent.Task{Name: "status", Run: func(ctx context.Context, a *agent.Running) error { return of(a).Answer(ctx) }},
	)
	o.Drain = func(ctx context.Context, a *agent.Running) {
		if !everythingEnds() {
			of(a).Drain(ctx)
		}
	}
}
