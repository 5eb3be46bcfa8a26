package telemetry

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/telemetry/door"
	"github.com/krater-mesh/krater/telemetry/mesh"
	"github.com/krater-mesh/krater/telemetry/meshprocessor"
	"github.com/krater-mesh/krater/telemetry/pipelines"
	"golang.org/x/sync/errgroup"
)

// retryInterval is how often a backend that could not be opened is tried
// again: what kept its port may have gone.
const retryInterval = 5 * time.Second

// Collector runs the pipelines of the backends that can be had. A backend
// that cannot keeps its last good version, or is left out; the others go on.
type Collector struct {
	options Options
	view    *mesh.View
	memory  *meshprocessor.Memory
	meters  *meters
	failed  chan error // from components, while they run
	ready   sync.Once

	mu       sync.Mutex
	declared []model.TelemetryBackend
	inForce  []model.TelemetryBackend
	problems model.Problems
	running  *instance
}

// New makes a Collector; Run starts it.
func New(o Options) *Collector {
	return &Collector{
		options: o.withDefaults(), view: &mesh.View{}, memory: &meshprocessor.Memory{},
		meters: newMeters(), failed: make(chan error, 16),
	}
}

// Run takes the slice from its source and collects until the context ends;
// what is under way is handed on before it returns.
func (c *Collector) Run(ctx context.Context) error {
	if err := c.options.permits(); err != nil {
		return err
	}
	defer c.stop()
	source := c.options.Source
	if source == nil {
		source = &controlPlane{options: c.options}
	}
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error {
		return source.Run(ctx, func(s Slice) error { return c.apply(ctx, s) })
	})
	work.Go(func() error {
		c.mend(ctx)
		return nil
	})
	if len(c.options.Doors) > 0 {
		work.Go(func() error {
			return door.New(door.Options{
				Listen: c.options.Doors, TLS: c.options.Network.Server, Caller: c.options.Network.Caller,
				OTLP: c.options.OTLP, ALS: c.options.ALS, Logger: c.options.Logger,
			}).Run(ctx)
		})
	}
	if err := work.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("collecting telemetry: %w", err)
	}
	return nil
}

// apply puts a slice in force. Only other backends restart the pipelines.
func (c *Collector) apply(ctx context.Context, s Slice) error {
	c.view.Set(s.Workloads, s.Rules, s.Attributes, s.Reads...)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running != nil && reflect.DeepEqual(c.declared, s.Backends) {
		return nil
	}
	c.declared = s.Backends
	return c.reconcile(ctx)
}

// mend restarts pipelines that failed, and tries again what could not be
// opened.
func (c *Collector) mend(ctx context.Context) {
	ticker := time.NewTicker(retryInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case err := <-c.failed:
			c.options.Logger.Error("a telemetry component failed; restarting the pipelines", "error", err)
			c.mu.Lock()
			c.halt()
			_ = c.reconcile(ctx) // it logs
			c.mu.Unlock()
		case <-ticker.C:
			c.mu.Lock()
			if len(c.problems) > 0 {
				_ = c.reconcile(ctx)
			}
			c.mu.Unlock()
		}
	}
}

// reconcile runs the pipelines of the declared backends that can be had. It
// needs c.mu.
func (c *Collector) reconcile(ctx context.Context) error {
	wanted, problems := choose(c.declared, c.inForce, c.check)
	if c.running == nil || !reflect.DeepEqual(wanted, c.inForce) {
		if err := c.replace(ctx, wanted); err != nil {
			problems = append(problems, model.Problem{
				Code: model.CodeLastGood, Severity: model.Error, Message: "starting the telemetry pipelines: " + err.Error(),
			})
		}
	}
	c.report(problems)
	if len(problems) == 0 {
		return nil
	}
	return errors.New(problems[0].String())
}

// replace stops the pipelines and starts others; should these fail, the old
// ones are started again.
func (c *Collector) replace(ctx context.Context, backends []model.TelemetryBackend) error {
	c.halt()
	running, err := c.start(ctx, backends)
	if err == nil {
		c.running, c.inForce = running, backends
		c.options.Logger.Info("telemetry pipelines are running", "backends", len(backends))
		c.ready.Do(c.options.Ready)
		return nil
	}
	var again error
	if c.running, again = c.start(ctx, c.inForce); again != nil {
		return errors.Join(err, again)
	}
	c.ready.Do(c.options.Ready)
	return err
}

// start starts the pipelines of some backends.
func (c *Collector) start(ctx context.Context, backends []model.TelemetryBackend) (*instance, error) {
	return c.launch(ctx, c.generate(backends...))
}

// generate makes the configuration of some backends.
func (c *Collector) generate(backends ...model.TelemetryBackend) pipelines.Configuration {
	return pipelines.Generate(pipelines.Input{
		OTLP: c.options.OTLP, ALS: c.options.ALS, StateDir: c.options.StateDir, Backends: backends,
	})
}

// report logs problems that are new and keeps them for Status.
func (c *Collector) report(problems model.Problems) {
	known := map[string]bool{}
	for _, p := range c.problems {
		known[p.String()] = true
	}
	for _, p := range problems {
		if !known[p.String()] {
			c.options.Logger.Error("a telemetry backend is not in force", "problem", p.String())
		}
	}
	c.problems = problems
}

// stop ends the pipelines for good.
func (c *Collector) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.halt()
}

// halt ends the pipelines, if they run. It needs c.mu.
func (c *Collector) halt() {
	if c.running == nil {
		return
	}
	if err := c.running.stop(); err != nil {
		c.options.Logger.Warn("stopping the telemetry pipelines", "error", err)
	}
	c.running = nil
}
