package policyd

import (
	"context"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
)

// spans makes every call a span. Decisions have metrics of their own.
func spans() stats.Handler {
	return otelgrpc.NewServerHandler(otelgrpc.WithMeterProvider(noop.NewMeterProvider()))
}

// withinTraces leaves alone the calls that belong to no trace that anybody
// keeps: a mesh that samples nothing pays nothing.
type withinTraces struct{ stats.Handler }

var _ stats.Handler = withinTraces{}

// TagRPC implements stats.Handler.
func (h withinTraces) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	if md := metadata.ValueFromIncomingContext(ctx, "traceparent"); len(md) == 0 || !sampled(md[0]) {
		return ctx
	}
	return h.Handler.TagRPC(ctx, info)
}

// HandleRPC implements stats.Handler.
func (h withinTraces) HandleRPC(ctx context.Context, s stats.RPCStats) {
	if trace.SpanContextFromContext(ctx).IsValid() {
		h.Handler.HandleRPC(ctx, s)
	}
}

// sampled reads the flags at the end of W3C's "00-TRACE-SPAN-FLAGS".
func sampled(traceparent string) bool {
	const flags = 54 // the last digit of theirs
	if len(traceparent) <= flags {
		return false
	}
	switch c := traceparent[flags]; {
	case c >= '0' && c <= '9':
		return (c-'0')%2 == 1
	default:
		return c == 'b' || c == 'd' || c == 'f'
	}
}
