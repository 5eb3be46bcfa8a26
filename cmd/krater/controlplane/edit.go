package controlplane

import (
	"context"
	"slices"
	"time"

	"github.com/krater-mesh/krater/cmd/krater/stages"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/serve"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// edit takes the configuration as it is now, and publishes what follows from
// it. One edit is one trace: its parts are this span's children, and each
// proxy's acknowledgement joins them later.
func (c *ControlPlane) edit(ctx context.Context, what string, seen time.Time) error {
	ctx, span := c.edits.tracer.Start(ctx, "config.edit", trace.WithTimestamp(seen),
		trace.WithAttributes(attribute.String("krater.edit", what)))
	defer span.End()

	c.taking.Lock()
	defer c.taking.Unlock()
	began := time.Now()
	result, err := c.stages.Run(ctx)
	c.edits.took(ctx, "resolve", began)
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
		return err
	}
	defer c.keep()
	span.SetAttributes(attribute.String("krater.snapshot", result.Snapshot.Version),
		attribute.Int("krater.problems", len(result.Problems)))
	defer c.record(seen, result)
	c.taken = result
	c.rollouts.take(time.Now(), result.Snapshot, c.reports()) // what was reported until now is of the versions before
	if c.unchanged(result) {
		return nil
	}
	return c.publish(ctx, result, serve.Cause{Edit: result.Snapshot.Version, Context: ctx, At: seen})
}

// record tells what the edit came to, when the proxies have it: they do not
// wait for it. A decision names its policy set: from it leads a way to the
// snapshot.
func (c *ControlPlane) record(seen time.Time, r stages.Result) {
	c.report(r.Problems)
	c.status.Record(seen, r.Snapshot, r.Problems)
	c.status.NotePolicySets(r.Snapshot.Version, c.policySets.of(r.Snapshot)...)
}

// keep writes what is in force for a restart, when it is published: the disk
// may be slow.
func (c *ControlPlane) keep() {
	if err := c.stages.Save(); err != nil {
		c.o.Logger.Error("the configuration is in force, but a restart would not know it", "reason", err)
	}
}

// unchanged keeps the new problems, and tells whether nothing else is new.
func (c *ControlPlane) unchanged(r stages.Result) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, edition := c.rollouts.now(); c.current.rollouts != edition {
		return false
	}
	if c.current.snapshot == nil || c.current.snapshot.Version != r.Snapshot.Version || !slices.Equal(c.current.endpoints, r.Endpoints) {
		return false
	}
	c.current.problems = slices.Concat(r.Problems, c.current.translation)
	return true
}

// report logs the problems that were not there before.
func (c *ControlPlane) report(problems model.Problems) {
	c.mu.Lock()
	known := make(map[model.Problem]bool, len(c.current.problems))
	for _, p := range c.current.problems {
		known[p] = true
	}
	c.mu.Unlock()
	for _, p := range problems {
		if p.Severity != model.Info && !known[p] {
			c.o.Logger.Warn(p.String())
		}
	}
}
