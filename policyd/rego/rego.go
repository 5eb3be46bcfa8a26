// Package rego turns a model.RegoPolicy and a request into an Answer, by OPA.
// The input document and the results are those opa-envoy-plugin's users know.
// It never reads a network or the environment: a policy has its request and
// its data, and what it cannot answer follows its failure mode.
package rego

import (
	"context"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"

	"github.com/krater-mesh/krater/model"
)

// Policy is a compiled RegoPolicy. It is immutable and may be used by many
// goroutines.
type Policy struct {
	object   model.Ref
	query    string
	version  string
	failure  model.FailureMode
	timeout  time.Duration // 0: the caller's context alone
	memory   int64
	body     bodyRules
	need     *need     // of the input
	send     *httpSend // nil: it calls nobody
	prepared rego.PreparedEvalQuery
	snapshot storage.Transaction // of the data, which nobody writes
	versions map[string]string
}

// Object names the policy's object.
func (p *Policy) Object() model.Ref { return p.object }

// Query is the rule that is asked ("data.bookinfo.authz.allow"): the rule id
// of the policy's decisions.
func (p *Policy) Query() string { return p.query }

// Version is model.RegoPolicy.Version of what was compiled.
func (p *Policy) Version() string { return p.version }

// Failure says what an error answer does.
func (p *Policy) Failure() model.FailureMode { return p.failure }

// MaxBody is how many bytes of a request's body the policy sees.
func (p *Policy) MaxBody() uint32 { return p.body.max }

// Sends tells whether the policy waits for other hosts.
func (p *Policy) Sends() bool { return p.send != nil }

// RegoVersions says how each module was read, by its name: "v1" or "v0".
func (p *Policy) RegoVersions() map[string]string { return p.versions }

// Evaluate compiles a policy and answers one request, offline. A policy that
// does not compile is an error that says why.
func Evaluate(ctx context.Context, policy model.RegoPolicy, r Request) (Answer, error) {
	p, problems := Compile(policy)
	if problems.HasErrors() {
		return Answer{}, &CompileError{Problems: problems}
	}
	return p.Evaluate(ctx, NewInput(r.CheckRequest(policy.MaxBody), r.Declared...)), nil
}

// CheckRego gives what Compile finds in a policy.
func CheckRego(policy model.RegoPolicy) model.Problems {
	r := reporter{policy: policy}
	r.link()
	return r.problems
}

// CompileError is the refusal of a policy that does not compile.
type CompileError struct{ Problems model.Problems }

// Error gives the first error's line.
func (e *CompileError) Error() string {
	for _, p := range e.Problems {
		if p.Severity == model.Error {
			return p.String()
		}
	}
	return "the policy does not compile"
}

var _ error = (*CompileError)(nil)

// regoVersionName is a module's Rego version in the words of its users.
func regoVersionName(m *ast.Module) string {
	if m.RegoVersion() == ast.RegoV0 {
		return "v0"
	}
	return "v1"
}
