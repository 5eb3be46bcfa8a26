package rego

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// Evaluate answers one request. It never returns without an answer: a panic
// of the evaluator is contained, and its answer is an error's. Tracers see how
// it came to its answer.
func (p *Policy) Evaluate(ctx context.Context, in *Input, tracers ...topdown.QueryTracer) (answer Answer) {
	defer func() {
		if r := recover(); r != nil {
			answer = ErrorAnswer(p.failure, &Failure{Kind: FailPanic, Stack: string(debug.Stack())})
		}
	}()
	answer, failure := p.evaluate(ctx, in, tracers)
	if failure != nil {
		return ErrorAnswer(p.failure, failure)
	}
	return answer
}

func (p *Policy) evaluate(ctx context.Context, in *Input, tracers []topdown.QueryTracer) (Answer, *Failure) {
	document, err := in.document(p.maxBody)
	if err != nil {
		return Answer{}, &Failure{Kind: FailInput, Detail: err.Error()}
	}
	if err := ctx.Err(); err != nil {
		return Answer{}, &Failure{Kind: FailTimeout, Detail: "the caller waits no longer"}
	}
	cancel, stop := p.deadline(ctx)
	defer stop()
	options := []rego.EvalOption{rego.EvalParsedInput(document), rego.EvalExternalCancel(cancel)}
	for _, t := range tracers {
		options = append(options, rego.EvalQueryTracer(t))
	}
	results, err := p.prepared.Eval(ctx, options...)
	if err != nil {
		return Answer{}, p.evaluationFailure(ctx, err)
	}
	if len(results) == 0 || len(results[0].Expressions) == 0 {
		return Answer{}, &Failure{Kind: FailUndefined, Detail: p.query}
	}
	answer, err := readResult(results[0].Expressions[0].Value)
	if err != nil {
		return Answer{}, &Failure{Kind: FailType, Detail: err.Error()}
	}
	return answer, nil
}

// deadline cancels the evaluation at the policy's timeout, or when the caller
// goes away, by timers: a goroutine for each request costs more.
func (p *Policy) deadline(ctx context.Context) (topdown.Cancel, func()) {
	cancel := topdown.NewCancel()
	leave := context.AfterFunc(ctx, cancel.Cancel)
	if p.timeout <= 0 {
		return cancel, func() { leave() }
	}
	timer := time.AfterFunc(p.timeout, cancel.Cancel)
	return cancel, func() { timer.Stop(); leave() }
}

// evaluationFailure names OPA's error by its kind and place. Its message may
// hold values of the request, and is left out.
func (p *Policy) evaluationFailure(ctx context.Context, err error) *Failure {
	var e *topdown.Error
	if !errors.As(err, &e) {
		if ctx.Err() != nil {
			return &Failure{Kind: FailTimeout, Detail: "the caller waits no longer"}
		}
		return &Failure{Kind: FailEvaluation}
	}
	f := &Failure{Kind: FailEvaluation, Detail: e.Code}
	switch e.Code {
	case topdown.CancelErr:
		if ctx.Err() != nil {
			return &Failure{Kind: FailTimeout, Detail: "the caller waits no longer"}
		}
		return &Failure{Kind: FailTimeout, Detail: p.timeout.String()}
	case topdown.ConflictErr:
		f.Kind, f.Detail = FailConflict, "two values for one rule"
	}
	if at := e.Location; at != nil && at.File != "" {
		f.Detail += fmt.Sprintf(" at %s:%d", at.File, at.Row)
	}
	return f
}
