package controlplane

import (
	"context"
	"fmt"
	"time"

	"github.com/krater-mesh/krater/cmd/krater/stages"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/serve"
	"github.com/krater-mesh/krater/xds/translate"
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
	c.report(result.Problems)
	c.status.Record(seen, result.Snapshot, result.Problems)

	if c.unchanged(result) {
		return nil
	}
	return c.publish(ctx, result, serve.Cause{Edit: result.Snapshot.Version, Context: ctx, At: seen})
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
	if c.current.snapshot == nil || c.current.snapshot.Version != r.Snapshot.Version {
		return false
	}
	c.current.problems = append(r.Problems, c.current.translation...)
	return true
}

func (c *ControlPlane) publish(ctx context.Context, r stages.Result, cause serve.Cause) error {
	began := time.Now()
	next := published{snapshot: r.Snapshot, at: began, nodes: map[string]bool{}}
	options := translate.Options{ModuleDir: c.o.ModuleDir, Builtin: c.stages.Builtin()}
	sets := map[string]serve.Set{}
	for _, w := range r.Snapshot.Workloads {
		_, span := c.edits.tracer.Start(ctx, "xds.translate", trace.WithAttributes(attribute.String("krater.proxy", w.ID())))
		resources, problems := translate.Translate(r.Snapshot, r.Endpoints, w, options)
		span.End()
		next.translation = appendNew(next.translation, problems)
		sets[w.ID()] = serve.Set(resources.Set())
		// A decision names its policy set: from it leads a way to the snapshot.
		if set := translate.PolicySet(r.Snapshot, w); set != "" {
			c.status.NotePolicySets(r.Snapshot.Version, set)
		}
	}
	c.edits.took(ctx, "translate", began)

	var err error
	if sets[model.NodePolicyd], err = policydSlice(r.Snapshot); err != nil {
		return err
	}
	if sets[model.NodeCollector], err = collectorSlice(r.Snapshot); err != nil {
		return err
	}
	began = time.Now()
	_, span := c.edits.tracer.Start(ctx, "xds.publish")
	defer span.End()
	// policyd first: a proxy that asks about a new policy finds it there.
	for _, node := range publishOrder(sets) {
		if err := c.server.Publish(node, sets[node], cause); err != nil {
			return fmt.Errorf("publishing snapshot %s: %w", r.Snapshot.Version, err)
		}
		next.nodes[node] = true
	}
	c.edits.took(ctx, "publish", began)
	next.problems = append(r.Problems, next.translation...)
	next.modules = modulesOf(r.Snapshot, sets)
	c.replace(next)
	c.report(next.translation)
	return nil
}

// replace makes a publication the current one, and forgets the nodes that it lacks.
func (c *ControlPlane) replace(next published) {
	c.mu.Lock()
	previous := c.current
	c.current = next
	c.mu.Unlock()
	for node := range previous.nodes {
		if !next.nodes[node] {
			c.server.Forget(node)
		}
	}
}

// report logs the problems that were not there before.
func (c *ControlPlane) report(problems model.Problems) {
	c.mu.Lock()
	known := map[string]bool{}
	for _, p := range c.current.problems {
		known[p.String()] = true
	}
	c.mu.Unlock()
	for _, p := range problems {
		if p.Severity != model.Info && !known[p.String()] {
			c.o.Logger.Warn(p.String())
		}
	}
}

func publishOrder(sets map[string]serve.Set) []string {
	order := []string{model.NodePolicyd, model.NodeCollector}
	for node := range sets {
		if node != model.NodePolicyd && node != model.NodeCollector {
			order = append(order, node)
		}
	}
	return order
}

// appendNew adds the problems that the list does not have: several proxies
// find the same.
func appendNew(list, more model.Problems) model.Problems {
	for _, p := range more {
		known := false
		for _, q := range list {
			known = known || p == q
		}
		if !known {
			list = append(list, p)
		}
	}
	return list
}
