package lower

import (
	"github.com/open-policy-agent/opa/v1/ast"
)

// call is one call of a built-in or a function: `=` binds variables, others
// give a value, which is matched with the last operand where there is one
// more than the arguments.
func (m *machine) call(e *ast.Expr, terms []*ast.Term, s state, then func(state)) {
	op, ok := terms[0].Value.(ast.Ref)
	if !ok {
		m.halt(stopAt(e.Location, e.String(), "it is not understood"), outputs(e), s, then)
		return
	}
	name, operands := op.String(), terms[1:]
	if name == "eq" || name == "assign" {
		m.unify(e, operands[0], operands[1], s, then)
		return
	}
	arity := m.arity(op, name)
	if arity < 0 || arity > len(operands) {
		m.halt(stopAt(e.Location, e.String(), "an unknown function"), outputs(e), s, then)
		return
	}
	args, rest := operands[:arity], operands[arity:]
	m.evalArray(ast.NewArray(args...), 0, nil, s, func(s state, all value) {
		m.outcomes(call{m: m, name: name, op: op, args: itemsOf(all), at: e, s: s}, func(s state, v value) {
			if len(rest) > 0 {
				m.match(rest[0], v, s, then)
				return
			}
			if s, ok := s.on(m.truthy(v)); ok {
				then(s)
			}
		})
	})
}

// call is what a built-in is told of its call.
type call struct {
	m    *machine
	name string
	op   ast.Ref
	args []value
	at   *ast.Expr
	s    state
}

func (c call) stop(why string) []outcome {
	stop := stopAt(c.at.Location, c.at.String(), why)
	return []outcome{{stopped(stop), opaque{stop}}}
}

// outcomes gives the values that a call may have.
func (m *machine) outcomes(c call, then func(state, value)) {
	var list []outcome
	if c.op.HasPrefix(ast.DefaultRootRef) {
		ext := m.function(c)
		c.s.fail(ext.errs)
		list = ext.arms
	} else {
		list = m.builtin(c)
	}
	for _, o := range list {
		if s, ok := c.s.on(o.when); ok {
			then(s, o.v)
		}
	}
}

func (m *machine) arity(op ast.Ref, name string) int {
	if op.HasPrefix(ast.DefaultRootRef) {
		for _, r := range m.linked.Compiler.GetRulesExact(op) {
			return len(r.Head.Args)
		}
		return -1
	}
	if b := ast.BuiltinMap[name]; b != nil {
		return b.Decl.Arity()
	}
	return -1
}

// unify is `a = b`.
func (m *machine) unify(e *ast.Expr, a, b *ast.Term, s state, then func(state)) {
	freeA, freeB := hasFree(a, s), hasFree(b, s)
	switch {
	case freeA && freeB:
		x, ok1 := a.Value.(*ast.Array)
		y, ok2 := b.Value.(*ast.Array)
		if !ok1 || !ok2 {
			m.halt(stopAt(e.Location, e.String(), "two patterns"), outputs(e), s, then)
			return
		}
		if x.Len() == y.Len() {
			m.unifyAll(e, x, y, 0, s, then)
		}
	case freeA:
		m.eval(b, s, func(s state, v value) { m.match(a, v, s, then) })
	case freeB:
		m.eval(a, s, func(s state, v value) { m.match(b, v, s, then) })
	default:
		m.eval(a, s, func(s state, v value) {
			m.eval(b, s, func(s state, w value) {
				if s, ok := s.on(m.equal(v, w)); ok {
					then(s)
				}
			})
		})
	}
}

func (m *machine) unifyAll(e *ast.Expr, x, y *ast.Array, i int, s state, then func(state)) {
	if i == x.Len() {
		then(s)
		return
	}
	m.unify(e, x.Elem(i), y.Elem(i), s, func(s state) { m.unifyAll(e, x, y, i+1, s, then) })
}
