package rego

import (
	"context"
	"strings"

	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/krater-mesh/krater/model"
)

// maxEvents bounds a trace: one of a rule over large data never ends.
const maxEvents = 5000

// Trace is Evaluate, and OPA's own account of how the policy came to its
// answer, a line each. Without values nothing of the request is in it, but
// what the policy's text says.
func Trace(ctx context.Context, policy model.RegoPolicy, r Request, values bool) (Answer, []string, error) {
	p, problems := Compile(policy)
	if problems.HasErrors() {
		return Answer{}, nil, &CompileError{Problems: problems}
	}
	t := &tracer{values: values}
	answer := p.Evaluate(ctx, NewInput(r.CheckRequest(policy.MaxBody), r.Declared...), t)
	return answer, t.lines(), nil
}

// tracer keeps the first events of an evaluation.
type tracer struct {
	values bool
	events []*topdown.Event
	more   bool
}

var _ topdown.QueryTracer = (*tracer)(nil)

// Enabled implements topdown.QueryTracer.
func (t *tracer) Enabled() bool { return true }

// Config implements topdown.QueryTracer.
func (t *tracer) Config() topdown.TraceConfig { return topdown.TraceConfig{PlugLocalVars: true} }

// TraceEvent implements topdown.QueryTracer.
func (t *tracer) TraceEvent(e topdown.Event) {
	switch {
	case len(t.events) == maxEvents:
		t.more = true
		return
	case !t.values && (e.Op == topdown.NoteOp || e.Op == topdown.UnifyOp): // what trace() was given, what a variable is
		return
	case !t.values:
		e.Ref, e.Message = nil, ""
	}
	t.events = append(t.events, &e)
}

func (t *tracer) lines() []string {
	var b strings.Builder
	topdown.PrettyTraceWithOpts(&b, t.events, topdown.PrettyTraceOptions{Locations: true, ExprVariables: t.values})
	out := strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
	for i := range out {
		out[i] = strings.TrimRight(out[i], " ")
	}
	if t.more {
		out = append(out, "(the rest is left out)")
	}
	return out
}
