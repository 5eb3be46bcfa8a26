// Package care is all that an agent does for its application: it asks whether
// the application is well and tells the control plane, answers questions about
// it, and lets nobody be cut off when it ends.
package care

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/krater-mesh/krater/agent/admin"
	"github.com/krater-mesh/krater/agent/drain"
	"github.com/krater-mesh/krater/agent/probe"
	"github.com/krater-mesh/krater/agent/status"
	"github.com/krater-mesh/krater/model"
)

// Options of one workload's care.
type Options struct {
	Address    string                  // where questions are answered
	ExecProbes bool                    // probes may run commands here
	AppMetrics *model.AppMetrics       // where the control plane says nothing of them
	AppProbes  map[string]*model.Probe // of containers, by path
	Drain      time.Duration           // how long connections are waited for; 0: as the mesh says
	Quit       func()                  // ends the agent; nil: nobody may ask for it
	Logger     *slog.Logger
}

// Beside is what stands beside the care.
type Beside struct {
	Envoy admin.Page
	// Report tells the control plane how the application is.
	Report func(healthy bool, why string)
	// Settings are the newest; changed is closed when there are others.
	Settings func() (s model.AgentSettings, ok bool, changed <-chan struct{})
}

// Care is one workload's.
type Care struct {
	o      Options
	b      Beside
	health *status.Health
	prober *probe.Prober

	mu      sync.Mutex
	metrics *model.AppMetrics
}

// New makes one; it starts nothing.
func New(o Options, b Beside) *Care {
	c := &Care{o: o, b: b, metrics: o.AppMetrics}
	c.health = status.NewHealth(b.Report)
	c.prober = probe.New(probe.Options{AllowExec: o.ExecProbes, Report: c.report})
	return c
}

// report passes on what was found; what nobody asks for is not worth a word.
func (c *Care) report(healthy bool, why string) {
	s, _, _ := c.b.Settings()
	switch {
	case !healthy:
		c.o.Logger.Warn("the application is not well", "reason", why)
	case s.Probe != nil:
		c.o.Logger.Info("the application is well")
	}
	c.health.Report(healthy, why)
}

// Probe asks the application until ctx ends.
func (c *Care) Probe(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return c.prober.Run(ctx) })
	group.Go(func() error { c.follow(ctx); return nil })
	return group.Wait()
}

// Answer answers questions until ctx ends.
func (c *Care) Answer(ctx context.Context) error {
	return status.New(status.Options{Address: c.o.Address, Envoy: c.b.Envoy, Health: c.health,
		AppMetrics: c.appMetrics, AppProbes: c.o.AppProbes, Quit: c.o.Quit}).Run(ctx)
}

// follow takes in the settings as they come.
func (c *Care) follow(ctx context.Context) {
	for {
		s, ok, changed := c.b.Settings()
		if ok {
			c.prober.Set(s.Probe)
			c.mu.Lock()
			if c.metrics = s.Metrics; c.metrics == nil {
				c.metrics = c.o.AppMetrics
			}
			c.mu.Unlock()
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
	}
}

func (c *Care) appMetrics() *model.AppMetrics {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.metrics
}

// goodbye is how long a report has to leave: it goes by Envoy's stream, which
// ends with it.
const goodbye = 200 * time.Millisecond

// Drain says that the workload goes, and returns when its Envoy may end.
func (c *Care) Drain(ctx context.Context) {
	c.health.End()
	left, cancel := context.WithTimeout(ctx, goodbye)
	defer cancel()
	most := model.DefaultDrain
	if s, ok, _ := c.b.Settings(); ok {
		most = s.Drain.Std()
	}
	if c.o.Drain > 0 {
		most = c.o.Drain
	}
	drain.Wait(ctx, c.b.Envoy, most, c.o.Logger)
	<-left.Done()
}
