package rego

import (
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/krater-mesh/krater/model"
)

// maxExpansion is how often a value may stand in another one that a rule
// writes out. OPA copies such values in one go, and asks nobody while it does.
const maxExpansion = 1 << 16

// expansion finds rules whose values double again and again:
// a := [x, x]; b := [a, a]; …
type expansion struct {
	compiler *ast.Compiler
	rules    map[*ast.Rule]int64 // how large their values are, where what they are made of is one
}

// expansions reports the rules that write out too much.
func (r *reporter) expansions(compiler *ast.Compiler) {
	e := &expansion{compiler, map[*ast.Rule]int64{}}
	for _, m := range compiler.Modules {
		for _, rule := range m.Rules {
			if e.rule(rule) < maxExpansion {
				continue
			}
			p := model.Problem{Code: model.CodeBadRego, Severity: model.Error, Field: "spec.modules",
				Message: fmt.Sprintf("%s has a value that stands in itself more than %d times", rule.Head.Ref(), maxExpansion),
				Fix:     "do not write the same value into another one twice, again and again"}
			if at := rule.Loc(); at != nil {
				p.Message = fmt.Sprintf("%s:%d: %s", at.File, at.Row, p.Message)
			}
			r.add(p)
			return
		}
	}
}

func (e *expansion) rule(r *ast.Rule) int64 {
	if n, known := e.rules[r]; known {
		return n
	}
	e.rules[r] = 1
	vars := map[ast.Var]int64{}
	for _, a := range r.Head.Args {
		own(vars, a, 1)
	}
	largest := e.body(r.Body, vars)
	for _, t := range []*ast.Term{r.Head.Key, r.Head.Value} {
		largest = max(largest, e.term(t, vars))
	}
	if r.Else != nil {
		largest = max(largest, e.rule(r.Else))
	}
	e.rules[r] = largest
	return largest
}

// body notes how large its variables are, and gives the largest. Its
// expressions are in an order in which each variable is known when it is read.
func (e *expansion) body(b ast.Body, vars map[ast.Var]int64) int64 {
	largest := int64(1)
	for _, x := range b {
		switch terms := x.Terms.(type) {
		case *ast.Term:
			largest = max(largest, e.term(terms, vars))
		case *ast.Every:
			domain := e.term(terms.Domain, vars)
			own(vars, terms.Key, domain)
			own(vars, terms.Value, domain)
			largest = max(largest, domain, e.body(terms.Body, vars))
		case []*ast.Term:
			n := e.call(terms, vars)
			for _, t := range terms[1:] {
				own(vars, t, n)
			}
			largest = max(largest, n)
		}
	}
	return largest
}

// own gives the variables of a term that have no size yet one.
func own(vars map[ast.Var]int64, t *ast.Term, size int64) {
	ast.WalkVars(t, func(v ast.Var) bool {
		if _, known := vars[v]; !known {
			vars[v] = size
		}
		return false
	})
}

// call is a function, or an equation: as large as its largest operand, times
// what the function makes of one.
func (e *expansion) call(terms []*ast.Term, vars map[ast.Var]int64) int64 {
	largest := int64(1)
	for _, t := range terms[1:] {
		largest = max(largest, e.term(t, vars))
	}
	return min(largest*e.ref(terms[0], vars), maxExpansion)
}

// ref is what a reference leads to: a rule, or a part of a variable.
func (e *expansion) ref(t *ast.Term, vars map[ast.Var]int64) int64 {
	ref, ok := t.Value.(ast.Ref)
	if !ok || len(ref) == 0 {
		return 1
	}
	largest := int64(1)
	if v, ok := ref[0].Value.(ast.Var); ok {
		largest = max(largest, vars[v])
	}
	if ref.HasPrefix(ast.DefaultRootRef) {
		for _, rule := range e.compiler.GetRulesDynamicWithOpts(ref.GroundPrefix(), ast.RulesOptions{}) {
			largest = max(largest, e.rule(rule))
		}
	}
	return largest
}

func (e *expansion) term(t *ast.Term, vars map[ast.Var]int64) int64 {
	if t == nil || t.IsGround() && !isRef(t) {
		return 1
	}
	sum := int64(1)
	add := func(t *ast.Term) { sum = min(sum+e.term(t, vars), maxExpansion) }
	switch v := t.Value.(type) {
	case ast.Var:
		return max(1, vars[v])
	case ast.Ref:
		return e.ref(t, vars)
	case ast.Call:
		return e.call(v, vars)
	case *ast.Array:
		v.Foreach(add)
	case ast.Set:
		v.Foreach(add)
	case ast.Object:
		v.Foreach(func(k, v *ast.Term) { add(k); add(v) })
	case *ast.ArrayComprehension:
		sum = e.body(v.Body, vars)
		add(v.Term)
	case *ast.SetComprehension:
		sum = e.body(v.Body, vars)
		add(v.Term)
	case *ast.ObjectComprehension:
		sum = e.body(v.Body, vars)
		add(v.Key)
		add(v.Value)
	}
	return sum
}

func isRef(t *ast.Term) bool {
	_, ok := t.Value.(ast.Ref)
	return ok
}
