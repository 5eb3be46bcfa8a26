package rego

import (
	"github.com/open-policy-agent/opa/v1/ast"
)

// failing tells what may end an evaluation with an error: a rule or function
// that comes to two values, an object that has a key twice, a replacement that
// does not fit, a question to another host. A failing built-in is none of
// these, it is undefined. Where it is not sure, it may.
type failing struct {
	compiler *ast.Compiler
	rules    map[*ast.Rule]bool
}

// rule tells whether evaluating a rule, with all that gives the same path a
// value, may fail.
func (f *failing) rule(r *ast.Rule) bool {
	if may, known := f.rules[r]; known {
		return may
	}
	f.rules[r] = true // while it is looked at
	may := !f.agree(r)
	for part := r; part != nil && !may; part = part.Else {
		may = f.body(part.Body)
	}
	f.rules[r] = may
	return may
}

// agree tells whether a rule never comes to another value than those that share
// its path: they all have the same one, or there is but one, of a body that holds
// in one way.
func (f *failing) agree(r *ast.Rule) bool {
	switch {
	case !r.Head.Ref().IsGround():
		return false
	case r.Head.RuleKind() == ast.MultiValue:
		return true
	case f.alike(r):
		return true
	}
	for _, other := range f.compiler.GetRulesExact(r.Ref()) {
		if !other.Default && other != r {
			return false
		}
	}
	for ; r != nil; r = r.Else {
		if !once(r) {
			return false
		}
	}
	return true
}

// alike tells whether the rules of a path have one constant for their value.
func (f *failing) alike(r *ast.Rule) bool {
	var value *ast.Term
	for _, other := range f.compiler.GetRulesExact(r.Ref()) {
		if other.Default {
			continue
		}
		for ; other != nil; other = other.Else {
			v := other.Head.Value
			if v == nil || !ast.IsConstant(v.Value) || value != nil && !value.Equal(v) {
				return false
			}
			value = v
		}
	}
	return true
}

// once tells whether a rule's body holds in one way at most: no reference in it
// looks for something by a variable that nothing before it has fixed.
func once(r *ast.Rule) bool {
	fixed := ast.NewVarSet()
	for _, a := range r.Head.Args {
		fixed.Update(a.Vars())
	}
	for _, e := range r.Body {
		only := true
		ast.WalkRefs(e, func(ref ast.Ref) bool {
			for _, t := range ref[1:] {
				v, isVar := t.Value.(ast.Var)
				only = only && (!isVar || fixed.Contains(v))
			}
			only = only && !ref.Equal(ast.WalkBuiltin.Ref()) // it gives many values
			return false
		})
		if !only {
			return false
		}
		fixed.Update(e.Vars(ast.VarVisitorParams{}))
	}
	return true
}

func (f *failing) body(b ast.Body) bool {
	for _, e := range b {
		if f.expr(e) {
			return true
		}
	}
	return false
}

func (f *failing) expr(e *ast.Expr) (may bool) {
	ast.NewGenericVisitor(func(x any) bool {
		switch x := x.(type) {
		case *ast.With, *ast.ObjectComprehension:
			may = true
		case ast.Ref:
			may = may || f.ref(x)
		}
		return may
	}).Walk(e)
	return may
}

// ref is for what leads to rules. One that takes in more than single rules may
// fail where they meet data.
func (f *failing) ref(ref ast.Ref) bool {
	if !ref.HasPrefix(ast.DefaultRootRef) {
		return ref.Equal(ast.HTTPSend.Ref())
	}
	node := f.compiler.RuleTree
	for i, t := range ref {
		if _, isVar := t.Value.(ast.Var); isVar && i > 0 {
			return true
		}
		if node = node.Child(t.Value); node == nil {
			return false // it is data
		}
		for _, r := range node.Values {
			if f.rule(r) {
				return true
			}
		}
		if len(node.Values) > 0 {
			return len(node.Children) > 0
		}
	}
	return true
}
