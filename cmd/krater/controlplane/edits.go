package controlplane

import (
	"context"
	"strings"
	"time"

	"github.com/krater-mesh/krater/xds/serve"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// edits observes what becomes of each edit: a trace from the file's change to
// each proxy's acknowledgement, and the same as metrics.
type edits struct {
	tracer  trace.Tracer
	stage   metric.Float64Histogram
	settled metric.Float64Histogram
	refused metric.Int64Counter
}

// durations are buckets in seconds: those that the SDK chooses are meant for
// milliseconds.
var durations = metric.WithExplicitBucketBoundaries(0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

func newEdits() *edits {
	e := &edits{tracer: otel.Tracer("krater/controlplane")}
	m := otel.Meter("krater/controlplane")
	// The instruments' names and units are constants: they cannot be refused.
	e.stage, _ = m.Float64Histogram("krater.edit.stage.duration", metric.WithUnit("s"), durations,
		metric.WithDescription("Time of each part of taking one edit"))
	e.settled, _ = m.Float64Histogram("krater.edit.settled.duration", metric.WithUnit("s"), durations,
		metric.WithDescription("From an edit's being seen to a proxy's last acknowledgement of it"))
	e.refused, _ = m.Int64Counter("krater.xds.refused", metric.WithDescription("Refusals (NACKs) by proxies"))
	return e
}

// took records one part of an edit.
func (e *edits) took(ctx context.Context, stage string, began time.Time) {
	e.stage.Record(ctx, time.Since(began).Seconds(), metric.WithAttributes(attribute.String("krater.stage", stage)))
}

// observe joins a proxy's answers to the traces of the edits that caused them.
func (e *edits) observe(event serve.Event) {
	switch event.Kind {
	case serve.EventAcked, serve.EventNacked:
		e.answered(event)
	case serve.EventSettled:
		for _, cause := range event.Causes {
			if cause.Context == nil {
				continue
			}
			_, span := e.tracer.Start(cause.Context, "xds.settle", trace.WithTimestamp(cause.At),
				trace.WithAttributes(attribute.String("krater.proxy", event.Node), attribute.StringSlice("krater.refused", event.Names)))
			span.End(trace.WithTimestamp(event.At))
			e.settled.Record(cause.Context, event.At.Sub(cause.At).Seconds())
		}
	}
}

// answered is one acknowledgement or refusal, as a child of the newest edit.
func (e *edits) answered(event serve.Event) {
	if len(event.Causes) == 0 {
		return
	}
	ctx := event.Causes[len(event.Causes)-1].Context
	if ctx == nil {
		return
	}
	name := "xds.ack"
	if event.Kind == serve.EventNacked {
		name = "xds.nack"
		e.refused.Add(ctx, 1, metric.WithAttributes(attribute.String("krater.type", shortType(event.Type))))
	}
	_, span := e.tracer.Start(ctx, name, trace.WithTimestamp(event.At.Add(-event.Duration)), trace.WithAttributes(
		attribute.String("krater.proxy", event.Node),
		attribute.String("krater.type", shortType(event.Type)),
		attribute.Int("krater.resources", len(event.Names)),
		attribute.Int("krater.removed", len(event.Removed))))
	if event.Kind == serve.EventNacked {
		span.SetStatus(codes.Error, event.Detail)
	}
	span.End(trace.WithTimestamp(event.At))
}

// shortTypes are the names people know Envoy's types by.
var shortTypes = map[string]string{
	serve.TypeCluster: "CDS", serve.TypeEndpoint: "EDS", serve.TypeListener: "LDS", serve.TypeRouteConfiguration: "RDS",
	serve.TypeVirtualHost: "VHDS", serve.TypeExtensionConfig: "ECDS", serve.TypeSecret: "SDS",
}

func shortType(typeURL string) string {
	if s, ok := shortTypes[typeURL]; ok {
		return s
	}
	return typeURL[strings.LastIndexByte(typeURL, '.')+1:]
}
