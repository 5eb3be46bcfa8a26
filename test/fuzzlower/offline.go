package fuzzlower

import (
	"context"

	"github.com/krater-mesh/krater/policyd/rego"
)

// ByOPA answers for a compiled policy; !ok: a proxy refuses such a request.
func ByOPA(policy *rego.Policy, r Request) (a rego.Answer, ok bool) {
	v, ok := r.Received()
	if !ok {
		return a, false
	}
	return policy.Evaluate(context.Background(), rego.NewInput(r.Check(v, policy.MaxBody()))), true
}
