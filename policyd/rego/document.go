package rego

import (
	"context"
	"runtime/debug"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
)

// EvaluateDocument is Evaluate for an input document that was recorded.
func (p *Policy) EvaluateDocument(ctx context.Context, document any) (answer Answer) {
	defer func() {
		if r := recover(); r != nil {
			answer = ErrorAnswer(p.failure, &Failure{Kind: FailPanic, Stack: string(debug.Stack())})
		}
	}()
	input, err := ast.InterfaceToValue(document)
	if err != nil {
		return ErrorAnswer(p.failure, &Failure{Kind: FailInput, Detail: "the recorded input is no JSON"})
	}
	limits := &budget{ctx: ctx, left: p.memory, send: p.send}
	if p.timeout > 0 {
		limits.deadline = time.Now().Add(p.timeout)
	}
	value, failure := p.value(ctx, input, limits, nil)
	if failure != nil {
		return ErrorAnswer(p.failure, failure)
	}
	if answer, err = readResult(value); err != nil {
		return ErrorAnswer(p.failure, &Failure{Kind: FailType, Detail: err.Error()})
	}
	return answer
}
