package rego

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/metrics"
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
	switch {
	case failure == nil:
		return answer
	case failure.Kind == FailBody: // the request's fault, whatever the mode
		return Answer{Failure: failure, Status: http.StatusRequestEntityTooLarge}
	}
	return ErrorAnswer(p.failure, failure)
}

func (p *Policy) evaluate(ctx context.Context, in *Input, tracers []topdown.QueryTracer) (Answer, *Failure) {
	limits := &budget{ctx: ctx, left: p.memory, send: p.send}
	if !limits.spend(p.body.cost(in.request.GetAttributes().GetRequest().GetHttp())) {
		return Answer{}, p.overrun(limits)
	}
	document, err := in.document(&p.body, p.need)
	if errors.Is(err, errTooLong) {
		return Answer{}, &Failure{Kind: FailBody, Detail: err.Error()}
	}
	if err != nil {
		return Answer{}, &Failure{Kind: FailInput, Detail: err.Error()}
	}
	if err := ctx.Err(); err != nil {
		return Answer{}, &Failure{Kind: FailTimeout, Detail: "the caller waits no longer"}
	}
	if p.timeout > 0 {
		limits.deadline = time.Now().Add(p.timeout)
	}
	if p.send != nil { // it waits where no step is taken
		var stop context.CancelFunc
		if ctx, stop = p.patience(ctx); stop != nil {
			defer stop()
		}
	}
	value, failure := p.value(ctx, document, limits, tracers)
	if failure != nil {
		return Answer{}, failure
	}
	answer, err := readResult(value)
	if err != nil {
		return Answer{}, &Failure{Kind: FailType, Detail: err.Error()}
	}
	return answer, nil
}

// value is what the policy's query gives.
func (p *Policy) value(ctx context.Context, document ast.Value, limits *budget, tracers []topdown.QueryTracer) (any, *Failure) {
	options := append(make([]rego.EvalOption, 0, 8),
		rego.EvalParsedInput(document), rego.EvalExternalCancel(limits), rego.EvalTransaction(p.snapshot), rego.EvalMetrics(noMetrics))
	for _, t := range tracers {
		options = append(options, rego.EvalQueryTracer(t))
	}
	results, err := p.prepared.Eval(ctx, options...)
	if err != nil {
		return nil, p.evaluationFailure(limits, err)
	}
	if len(results) == 0 || len(results[0].Expressions) == 0 {
		return nil, &Failure{Kind: FailUndefined, Detail: p.query}
	}
	result := results[0].Expressions[0].Value.(*ast.Term).Value
	if b, ok := result.(ast.Boolean); ok {
		return bool(b), nil
	}
	if !limits.spend(2 * weigh(result, limits.left)) {
		return nil, p.overrun(limits)
	}
	value, err := ast.JSON(result)
	if err != nil {
		return nil, &Failure{Kind: FailType, Detail: "the result is no JSON"}
	}
	return value, nil
}

// noMetrics counts nothing.
var noMetrics = metrics.NoOp()

// term leaves a result as it is: it is weighed before it is made JSON.
func term(t *ast.Term, _ *rego.EvalContext) (any, error) { return t, nil }

func (p *Policy) patience(ctx context.Context) (context.Context, context.CancelFunc) {
	if p.timeout <= 0 {
		return ctx, nil
	}
	return context.WithTimeout(ctx, p.timeout)
}

// overrun says which bound was met.
func (p *Policy) overrun(limits *budget) *Failure {
	switch {
	case limits.over == FailMemory:
		return &Failure{Kind: FailMemory, Detail: fmt.Sprintf("more than %d bytes", p.memory)}
	case limits.ctx.Err() != nil:
		return &Failure{Kind: FailTimeout, Detail: "the caller waits no longer"}
	}
	return &Failure{Kind: FailTimeout, Detail: p.timeout.String()}
}

// evaluationFailure names OPA's error by its kind and place. Its message may
// hold values of the request, and is left out.
func (p *Policy) evaluationFailure(limits *budget, err error) *Failure {
	if limits.over == "" && limits.late() { // while a built-in waited
		limits.over = FailTimeout
	}
	if limits.over != "" {
		return p.overrun(limits)
	}
	var e *topdown.Error
	if !errors.As(err, &e) {
		return &Failure{Kind: FailEvaluation}
	}
	f := &Failure{Kind: FailEvaluation, Detail: e.Code}
	if e.Code == topdown.ConflictErr {
		f.Kind, f.Detail = FailConflict, "two values for one rule"
	}
	if at := e.Location; at != nil && at.File != "" {
		f.Detail += fmt.Sprintf(" at %s:%d", at.File, at.Row)
	}
	return f
}
