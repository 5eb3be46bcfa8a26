package rego

import (
	"errors"
	"fmt"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/krater-mesh/krater/model"
)

// reporter collects what is wrong with one policy.
type reporter struct {
	policy   model.RegoPolicy
	quick    bool // it will answer many requests
	problems model.Problems
}

func (r *reporter) add(p model.Problem) {
	p.Object = r.policy.Object
	r.problems = append(r.problems, p)
}

func moduleField(i int) string { return fmt.Sprintf("spec.modules[%d]", i) }

// parseErrors reports what the parser says about the i-th module.
func (r *reporter) parseErrors(i int, err error) {
	var list ast.Errors
	if !errors.As(err, &list) {
		r.add(model.Problem{Code: model.CodeBadRego, Severity: model.Error, Field: moduleField(i),
			Message: fmt.Sprintf("%s: %v", r.policy.Modules[i].Name, err)})
		return
	}
	for _, e := range list {
		r.regoError(e)
	}
}

// regoError reports one of OPA's errors at its module, line and column.
func (r *reporter) regoError(e *ast.Error) {
	p := model.Problem{Code: model.CodeBadRego, Severity: model.Error, Field: "spec.modules", Message: e.Message}
	if strings.HasPrefix(e.Message, "undefined function ") {
		name := strings.TrimPrefix(e.Message, "undefined function ")
		if forbidden[name] {
			p.Message = fmt.Sprintf("%s is not allowed: a policy decides from its request and its data alone", name)
			p.Fix = "bring what it needs in by spec.data, a header or an attribute"
			if name == "http.send" {
				p.Message = "http.send is not allowed: the policy names no hosts that it calls"
				p.Fix = "list them under spec.httpSend.hosts, or bring what it needs in by spec.data or a bundle"
			}
		}
	}
	if at := e.Location; at != nil {
		p.Message = fmt.Sprintf("%s:%d:%d: %s", at.File, at.Row, max(at.Col, 1), p.Message)
		for i, m := range r.policy.Modules {
			if m.Name == at.File {
				p.Field = moduleField(i)
			}
		}
	}
	// The parser first says what it met, then at the same place what it wanted.
	if n := len(r.problems); n > 0 && strings.HasPrefix(p.Message, r.problems[n-1].Message) {
		r.problems = r.problems[:n-1]
	}
	r.add(p)
}
