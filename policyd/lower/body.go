package lower

import (
	"github.com/open-policy-agent/opa/v1/ast"
)

// body evaluates expressions one after the other, and calls then for each way
// in which all of them hold.
func (m *machine) body(body ast.Body, s state, then func(state)) {
	if len(body) == 0 {
		then(s)
		return
	}
	m.expression(body[0], s, func(s state) { m.body(body[1:], s, then) })
}

func (m *machine) expression(e *ast.Expr, s state, then func(state)) {
	m.step()
	s.at = e
	if len(e.With) > 0 {
		m.readsAll = true
		stop := stopAt(e.Location, e.String(), "`with` replaces what other rules read")
		s.fail(stopped(stop)) // any of those may
		m.halt(stop, outputs(e), s, then)
		return
	}
	if e.Negated {
		inner := s
		inner.when = always
		var errs []*cond
		inner.errs = &errs
		plain := e.Copy()
		plain.Negated = false
		holds := m.holds(ast.NewBody(plain), inner)
		for _, c := range errs {
			s.fail(c)
		}
		if next, ok := s.on(not(holds)); ok {
			then(next)
		}
		return
	}
	switch terms := e.Terms.(type) {
	case *ast.Term:
		m.eval(terms, s, func(s state, v value) {
			if s, ok := s.on(m.truthy(v)); ok {
				then(s)
			}
		})
	case []*ast.Term:
		m.call(e, terms, s, then)
	case *ast.Every:
		m.every(terms, e, s, then)
	default:
		stop := stopAt(e.Location, e.String(), "it is not understood")
		s.fail(stopped(stop))
		m.halt(stop, outputs(e), s, then)
	}
}

// holds is when a body has a way to hold.
func (m *machine) holds(body ast.Body, s state) *cond {
	var ways []*cond
	before := m.looks
	m.body(body, s, func(s state) { ways = append(ways, closed(s.when, before)) })
	return or(ways...)
}

// halt goes on with an expression that nobody here understands: whether it
// holds is not known, nor what it gives its variables.
func (m *machine) halt(stop stopRef, vars []ast.Var, s state, then func(state)) {
	s, ok := s.on(stopped(stop))
	if !ok {
		return
	}
	for _, v := range vars {
		if _, bound := s.get(v); !bound {
			s = s.bind(v, opaque{stop})
		}
	}
	then(s)
}

// outputs are the variables of an expression.
func outputs(e *ast.Expr) []ast.Var {
	var out []ast.Var
	vis := ast.NewVarVisitor().WithParams(ast.VarVisitorParams{SkipClosures: true, SkipRefCallHead: true})
	vis.Walk(e)
	for v := range vis.Vars() {
		out = append(out, v)
	}
	return out
}

// every: what is looked through must be there, and each of its members must
// satisfy the body.
func (m *machine) every(e *ast.Every, at *ast.Expr, s state, then func(state)) {
	m.eval(e.Domain, s, func(s state, domain value) {
		m.use(domain)
		members, ok := m.members(domain, at)
		if !ok {
			m.everyUnknown(e, s)
			m.halt(stopAt(at.Location, at.String(), "every member of something that is not known"), nil, s, then)
			return
		}
		all := []*cond{m.isCollection(domain)}
		for _, one := range members {
			inner := s
			inner.when = always
			if e.Key != nil {
				if name, isVar := e.Key.Value.(ast.Var); isVar {
					inner = inner.bind(name, one.key)
				}
			}
			if name, isVar := e.Value.Value.(ast.Var); isVar {
				inner = inner.bind(name, one.v)
			}
			var errs []*cond
			inner.errs = &errs
			all = append(all, or(not(one.when), m.holds(e.Body, inner)))
			for _, c := range errs {
				s.fail(c)
			}
		}
		if s, ok := s.on(and(all...)); ok {
			then(s)
		}
	})
}

// everyUnknown notes what the body reads of an every that is not understood.
func (m *machine) everyUnknown(e *ast.Every, s state) {
	stop := stopAt(nil, "", "a member of something that is not known")
	for _, t := range []*ast.Term{e.Key, e.Value} {
		if t == nil {
			continue
		}
		if name, ok := t.Value.(ast.Var); ok {
			s = s.bind(name, opaque{stop})
		}
	}
	m.body(e.Body, s, func(state) {})
}
