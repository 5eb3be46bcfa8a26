package authz

import (
	"context"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/rego"
)

// FailNotIts is the failure of a policy that is not the asking workload's.
const FailNotIts rego.FailureKind = "another namespace's policy"

type callerKey struct{}

type caller struct{ namespace, workload string }

// WithCaller says who asks, by a certificate. What the question says of its
// sender counts for nothing then.
func WithCaller(ctx context.Context, namespace, workload string) context.Context {
	return context.WithValue(ctx, callerKey{}, caller{namespace, workload})
}

// callerOf is who asks; false: nobody proved it.
func callerOf(ctx context.Context) (caller, bool) {
	c, ok := ctx.Value(callerKey{}).(caller)
	return c, ok
}

// mayAsk tells whether a workload of a namespace is one that the policy can be
// about: one that the mesh has, or its namespace. Another's answers are not
// its to try out.
func (e *entry) mayAsk(namespace string) bool {
	return e.selects == "" || e.selects == namespace
}

// notIts is the answer to a workload that asks about another's policy.
func notIts() rego.Answer {
	return rego.ErrorAnswer(model.FailClosed, &rego.Failure{Kind: FailNotIts, Detail: "it selects workloads of another namespace"})
}
