package rego

import (
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// aliases are rules that only give a part of the input another name, such as
// http := input.attributes.request.http, by their path.
type aliases struct {
	compiler *ast.Compiler
	failing  failing
	targets  map[string]ast.Ref
}

// writeOut replaces references to aliases by what they stand for: OPA's index
// of rules knows references to the input, and takes any other for one that
// must be evaluated. It is a stage of the compiler, behind all checks, before
// the indices are made. RATIONALE.md says why the meaning stays.
func writeOut(c *ast.Compiler) *ast.Error {
	a := aliases{c, failing{c, map[*ast.Rule]bool{}}, map[string]ast.Ref{}}
	if a.replaced() {
		return nil
	}
	for a.find() { // an alias of an alias is one once the first is written out
		for _, m := range c.Modules {
			for _, r := range m.Rules {
				a.rule(r)
			}
		}
	}
	return nil
}

// rule writes aliases out in a rule, where nothing that shares its path may fail:
// the index passes rules over, and changes their order, and a failure would be
// another one, or none.
func (a *aliases) rule(r *ast.Rule) {
	for _, other := range slices.Concat(a.compiler.GetRulesExact(r.Ref()), []*ast.Rule{r}) {
		if a.failing.rule(other) {
			return
		}
	}
	for ; r != nil; r = r.Else {
		a.rewrite(r.Body)
	}
}

// replaced tells whether some expression puts values in the place of data or of
// rules: then a name is more than what its rule says.
func (a *aliases) replaced() bool {
	found := false
	for _, m := range a.compiler.Modules {
		ast.WalkWiths(m, func(w *ast.With) bool {
			target, ok := w.Target.Value.(ast.Ref)
			found = found || !ok || !target.HasPrefix(ast.InputRootRef)
			return found
		})
	}
	return found
}

// find looks for aliases that are not known yet.
func (a *aliases) find() (more bool) {
	for _, m := range a.compiler.Modules {
		for _, r := range m.Rules {
			target := standsFor(r)
			if target == nil || !a.alone(r.Ref()) {
				continue
			}
			path := r.Ref().String()
			if _, known := a.targets[path]; !known {
				a.targets[path], more = target, true
			}
		}
	}
	return more
}

// alone tells whether the one rule is all that can give a path, or a part of
// it, a value.
func (a *aliases) alone(path ast.Ref) bool {
	node := a.compiler.RuleTree
	for i, term := range path {
		if node = node.Child(term.Value); node == nil {
			return false
		}
		if last := i == len(path)-1; !last && len(node.Values) > 0 || last && (len(node.Values) != 1 || len(node.Children) > 0) {
			return false
		}
	}
	return true
}

// rewrite writes aliases out. What stands in lists, sets and objects stays: the
// compiler has left no reference to a rule in them.
func (a *aliases) rewrite(b ast.Body) {
	ast.WalkTerms(b, func(t *ast.Term) bool {
		switch v := t.Value.(type) {
		case *ast.Array, ast.Object, ast.Set:
			return true
		case ast.Ref:
			t.Value = a.resolved(v)
		}
		return false
	})
}

// resolved is what a reference comes to.
func (a *aliases) resolved(ref ast.Ref) ast.Ref {
	if !ref.HasPrefix(ast.DefaultRootRef) {
		return ref
	}
	for n := 2; n <= len(ref) && ref[:n].IsGround(); n++ {
		if target, ok := a.targets[ref[:n].String()]; ok {
			return slices.Concat(target, ref[n:])
		}
	}
	return ref
}

// standsFor is the part of the input that a rule names; nil: it does more.
func standsFor(r *ast.Rule) ast.Ref {
	if r.Default || r.Else != nil || len(r.Head.Args) > 0 || r.Head.RuleKind() != ast.SingleValue || !r.Head.Ref().IsGround() || len(r.Body) != 1 {
		return nil
	}
	e := r.Body[0]
	if r.Head.Value == nil || !e.IsEquality() || e.Negated || len(e.With) > 0 {
		return nil
	}
	from, to := e.Operand(0), e.Operand(1)
	if _, ok := from.Value.(ast.Var); !ok {
		from, to = to, from
	}
	_, isVar := from.Value.(ast.Var)
	target, isRef := to.Value.(ast.Ref)
	if !isVar || !isRef || !r.Head.Value.Equal(from) || !target.HasPrefix(ast.InputRootRef) {
		return nil
	}
	for _, t := range target[1:] {
		if _, name := t.Value.(ast.String); !name {
			return nil
		}
	}
	return target
}
