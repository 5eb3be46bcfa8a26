package authz

import (
	"context"

	"go.opentelemetry.io/otel/trace"

	"github.com/krater-mesh/krater/policyd/decisionlog"
	"github.com/krater-mesh/krater/policyd/rego"
)

// inputSize is what a request's headers and the like hold of memory, roughly.
const inputSize = 4096

// describe fills in what a log of decisions asks for: what the request was, and
// what the policy read and said of it.
func (s *Server) describe(ctx context.Context, r *decisionlog.Record, e *entry, in *rego.Input, a rego.Answer) {
	r.Logged, r.About, r.Result = true, in.About(), a.Result()
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		r.TraceID, r.SpanID = span.TraceID().String(), span.SpanID().String()
	}
	if e.policy != nil {
		r.Input, r.Size = e.recorder.Of(in), inputSize+in.BodySize()
	}
}
