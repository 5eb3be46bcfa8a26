package lower

import (
	"github.com/open-policy-agent/opa/v1/ast"
)

// match holds a value against a pattern, and binds the pattern's variables.
func (m *machine) match(pattern *ast.Term, v value, s state, then func(state)) {
	switch p := pattern.Value.(type) {
	case ast.Var:
		if _, bound := s.get(p); !bound {
			if next, ok := s.on(m.defined(v)); ok {
				if p.IsWildcard() {
					then(next)
					return
				}
				then(next.bind(p, v))
			}
			return
		}
	case *ast.Array:
		if hasFree(pattern, s) {
			m.matchArray(p, v, s, then)
			return
		}
	case ast.Object:
		if hasFree(pattern, s) {
			m.matchObject(p, v, s, then)
			return
		}
	}
	m.eval(pattern, s, func(s state, want value) {
		if s, ok := s.on(m.equal(v, want)); ok {
			then(s)
		}
	})
}

func (m *machine) matchArray(p *ast.Array, v value, s state, then func(state)) {
	switch v := v.(type) {
	case known, tuple:
		if k, ok := v.(known); ok {
			if _, ok := k.v.(*ast.Array); !ok {
				return
			}
		}
		items := itemsOf(v)
		if len(items) == p.Len() {
			m.matchAll(p, items, s, then)
		}
	case segments:
		m.matchSegments(p, v, s, then)
	case record, text, size:
		return
	case leaf:
		m.use(v)
		if v.kind == kindAny && !v.shape.any() || v.kind == kindList {
			m.halt(stopAt(nil, v.in.ref, "a list of the request, as a pattern"), freeVars(p, s), s, then)
		}
	default:
		m.use(v)
		m.halt(stopAt(nil, p.String(), "a pattern for what is not known"), freeVars(p, s), s, then)
	}
}

func (m *machine) matchAll(p *ast.Array, items []value, s state, then func(state)) {
	if p.Len() == 0 {
		then(s)
		return
	}
	m.match(p.Elem(0), items[0], s, func(s state) {
		m.matchAll(p.Slice(1, -1), items[1:], s, then)
	})
}

// matchSegments: so many parts, those that the pattern says, and the others
// are its variables.
func (m *machine) matchSegments(p *ast.Array, g segments, s state, then func(state)) {
	items, words := make([]value, p.Len()), make([]string, p.Len())
	for i := range p.Len() {
		if w, ok := p.Elem(i).Value.(ast.String); ok {
			items[i], words[i] = known{w}, string(w)
		}
	}
	m.use(g)
	s, ok := s.on(and(g.guarded(m).when, m.wordsTest(g, items, words)))
	if !ok {
		return
	}
	var terms []*ast.Term
	var parts []value
	for i := range p.Len() {
		if items[i] == nil {
			terms, parts = append(terms, p.Elem(i)), append(parts, g.at(i))
		}
	}
	m.matchParts(terms, parts, s, then)
}

func (m *machine) matchParts(terms []*ast.Term, parts []value, s state, then func(state)) {
	if len(terms) == 0 {
		then(s)
		return
	}
	next := func(s state) { m.matchParts(terms[1:], parts[1:], s, then) }
	if name, ok := terms[0].Value.(ast.Var); ok {
		if _, bound := s.get(name); !bound { // it is there: they were counted
			if !name.IsWildcard() {
				s = s.bind(name, parts[0])
			}
			next(s)
			return
		}
	}
	m.match(terms[0], parts[0], s, next)
}

func (m *machine) matchObject(p ast.Object, v value, s state, then func(state)) {
	switch v.(type) {
	case known, record:
	case tuple, text, size, segments:
		return
	default:
		m.use(v)
		m.halt(stopAt(nil, p.String(), "an object of the request, as a pattern"), freeVars(p, s), s, then)
		return
	}
	if k, ok := v.(known); ok {
		if _, ok := k.v.(ast.Object); !ok {
			return
		}
	}
	list, _ := m.members(v, nil)
	if len(list) != p.Len() {
		return
	}
	keys := p.Keys()
	var step func(i int, s state)
	step = func(i int, s state) {
		if i == len(keys) {
			then(s)
			return
		}
		m.eval(keys[i], s, func(s state, k value) {
			for _, one := range list {
				if next, ok := s.on(m.equal(one.key, k)); ok {
					m.match(p.Get(keys[i]), one.v, next, func(s state) { step(i+1, s) })
				}
			}
		})
	}
	step(0, s)
}

// freeVars are a pattern's variables that have no value yet.
func freeVars(v ast.Value, s state) []ast.Var {
	var out []ast.Var
	ast.WalkVars(ast.NewTerm(v), func(name ast.Var) bool {
		if _, bound := s.get(name); !bound {
			out = append(out, name)
		}
		return false
	})
	return out
}
