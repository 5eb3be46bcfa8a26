package authz

import (
	"context"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/krater-mesh/krater/policyd/decisionlog"
)

// instruments are policyd's own telemetry. Nothing of a request is in it but
// the decision about it.
type instruments struct {
	tracer    trace.Tracer
	decisions metric.Int64Counter
	failures  metric.Int64Counter
	duration  metric.Float64Histogram
}

func newInstruments() instruments {
	meter := otel.Meter("krater")
	in := instruments{tracer: otel.Tracer("krater")}
	// The API's errors are of names, which are constants; each instrument
	// works where it reports one.
	in.decisions, _ = meter.Int64Counter("krater.policyd.decisions",
		metric.WithDescription("Decisions by policy and verdict"))
	in.failures, _ = meter.Int64Counter("krater.policyd.failures",
		metric.WithDescription("Decisions that followed a failure mode, by policy and verdict"))
	in.duration, _ = meter.Float64Histogram("krater.policyd.decision.duration", metric.WithUnit("s"),
		metric.WithDescription("Time to evaluate a policy"),
		metric.WithExplicitBucketBoundaries(10e-6, 25e-6, 50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 50e-3, 0.2, 1))
	return in
}

// start begins a span where the call has one.
func (in *instruments) start(ctx context.Context) (context.Context, trace.Span) {
	if call := trace.SpanFromContext(ctx); !call.IsRecording() {
		return ctx, call
	}
	return in.tracer.Start(ctx, "krater.decision")
}

func (in *instruments) observe(ctx context.Context, span trace.Span, e *entry, r decisionlog.Record) {
	labels := e.labels[0]
	if r.Allowed {
		labels = e.labels[1]
	}
	if labels == nil { // no such policy: its name comes from outside, and is no label
		labels = metric.WithAttributes(attribute.Bool("krater.decision.allowed", r.Allowed))
	}
	in.decisions.Add(ctx, 1, labels)
	in.duration.Record(ctx, r.Duration.Seconds(), labels)
	if r.Reason != "" {
		in.failures.Add(ctx, 1, labels)
		span.SetStatus(codes.Error, r.Reason)
	}
	if !span.IsRecording() {
		return
	}
	span.SetAttributes(
		attribute.String("krater.decision.policy", r.Policy),
		attribute.String("krater.decision.rule", r.Rule),
		attribute.String("krater.decision.placement", string(r.Place)),
		attribute.String("krater.decision.policy_set", r.PolicySet),
		attribute.String("krater.decision.id", r.DecisionID),
		attribute.Bool("krater.decision.allowed", r.Allowed),
		attribute.String("krater.proxy", r.Workload),
	)
}
