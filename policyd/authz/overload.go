package authz

import (
	"context"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/krater-mesh/krater/policyd/rego"
	"github.com/krater-mesh/krater/policyd/turn"
)

// FailOverload is the failure of a policy that had no turn: nothing of it was
// evaluated.
const FailOverload rego.FailureKind = "overload"

// errOverload is the answer where nothing else was asked: the proxy does what
// it does when it cannot ask.
var errOverload = status.Error(codes.ResourceExhausted, "policyd has more to decide than it can")

func overloaded(o outcome) bool {
	return o.answer.Failure != nil && o.answer.Failure.Kind == FailOverload
}

// TurnAway says why a call is not even read; nil: it is. The streams of other
// services are not counted.
func (s *Server) TurnAway(method string) error {
	if s.line.Full() && method == authv3.Authorization_Check_FullMethodName {
		return errOverload
	}
	return nil
}

// inTurn evaluates a policy when it is its turn.
func (e *entry) inTurn(ctx context.Context, in *rego.Input) rego.Answer {
	if e.lane == nil {
		return e.evaluate(ctx, in)
	}
	t, err := e.lane.Enter(ctx, in.Size())
	if err != nil {
		return rego.ErrorAnswer(e.policy.Failure(), &rego.Failure{Kind: FailOverload, Detail: err.Error()})
	}
	defer t.End()
	return e.evaluate(ctx, in)
}

// lined gives a policy a lane of its own.
func (e *entry) lined(l *turn.Line) *entry {
	e.lane = l.Lane(int(e.asked.Concurrency), e.policy.Sends())
	return e
}
