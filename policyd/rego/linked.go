package rego

import (
	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/krater-mesh/krater/model"
)

// Linked is a policy as OPA's compiler leaves it, for those that read its
// rules and do not evaluate them.
type Linked struct {
	Query    ast.Ref
	Compiler *ast.Compiler
	Data     map[string]any // numbers are json.Numbers
}

// Link parses, links and checks a policy's modules, as Compile does.
func Link(policy model.RegoPolicy) (*Linked, model.Problems) {
	report := reporter{policy: policy}
	query, data := report.query(), report.data()
	modules := report.parse()
	if report.problems.HasErrors() {
		return nil, report.problems
	}
	compiler, _ := report.compile(modules, data)
	if report.problems.HasErrors() {
		return nil, report.problems
	}
	return &Linked{Query: query, Compiler: compiler, Data: data}, report.problems
}

// AnswerOf is the answer that a rule's value gives.
func AnswerOf(value ast.Value, mode model.FailureMode) Answer {
	plain, err := ast.JSON(value)
	if err != nil {
		return ErrorAnswer(mode, &Failure{Kind: FailType, Detail: err.Error()})
	}
	answer, err := readResult(plain)
	if err != nil {
		return ErrorAnswer(mode, &Failure{Kind: FailType, Detail: err.Error()})
	}
	return answer
}
