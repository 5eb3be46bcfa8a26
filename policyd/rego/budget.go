package rego

import (
	"context"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// defaultMemory is what a decision may take where its policy does not say.
const defaultMemory = 64 << 20

// What a decision is charged for, in bytes: what OPA was seen to keep at most
// (RATIONALE.md).
const (
	stepBytes = 128 // an expression that is evaluated, or one more result of it
	termBytes = 48  // a value in a list, beside its own text
)

// lookEvery is how many steps lie between two looks at the clock.
const lookEvery = 64

// budget is what one evaluation may take of time and memory. The evaluator
// asks at each step whether it is to stop: no timer is needed. It belongs to
// one goroutine.
type budget struct {
	ctx      context.Context
	deadline time.Time // zero: the caller's alone
	left     int64     // bytes
	steps    uint
	over     FailureKind // why it is to stop; "": it is not
	send     *httpSend   // what http.send may reach; nil: nothing
}

var _ topdown.Cancel = (*budget)(nil)

// Cancel implements topdown.Cancel. Nobody calls it.
func (b *budget) Cancel() { b.over = FailTimeout }

// Cancelled implements topdown.Cancel.
func (b *budget) Cancelled() bool {
	if b.steps++; b.steps%lookEvery == 0 && b.late() {
		b.over = FailTimeout
	}
	return b.over != "" || !b.spend(stepBytes)
}

func (b *budget) late() bool {
	return !b.deadline.IsZero() && time.Now().After(b.deadline) || b.ctx.Err() != nil
}

// spend takes bytes off what is left, and tells whether there were as many.
func (b *budget) spend(bytes int64) bool {
	if b.left -= bytes; b.left < 0 {
		b.over = FailMemory
	}
	return b.over == ""
}

// halt ends an evaluation from within a built-in.
func (b *budget) halt(name string) error {
	return topdown.Halt{Err: &topdown.Error{Code: topdown.CancelErr, Message: name + ": the result would be too large"}}
}

// weigh is about how many bytes a value takes when it is written out: what is
// in it twice counts twice. It gives up above most.
func weigh(v ast.Value, most int64) int64 {
	w := &scale{left: most}
	w.add(v)
	return most - w.left
}

// scale counts down.
type scale struct{ left int64 }

func (s *scale) add(v ast.Value) {
	s.left -= termBytes
	each := func(t *ast.Term) error {
		if s.left < 0 {
			return errEnough
		}
		s.add(t.Value)
		return nil
	}
	switch v := v.(type) {
	case ast.String:
		s.left -= int64(len(v))
	case ast.Number:
		s.left -= int64(len(v))
	case *ast.Array:
		_ = v.Iter(each)
	case ast.Set:
		_ = v.Iter(each)
	case ast.Object:
		_ = v.Iter(func(k, v *ast.Term) error {
			if err := each(k); err != nil {
				return err
			}
			return each(v)
		})
	}
}
