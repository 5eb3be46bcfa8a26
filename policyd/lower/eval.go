package lower

import (
	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/krater-mesh/krater/model"
)

type stopRef = *model.Stop

// eval gives a term's values. Variables that it binds on the way are in the
// state.
func (m *machine) eval(t *ast.Term, s state, then func(state, value)) {
	switch v := t.Value.(type) {
	case ast.Var:
		if bound, ok := s.get(v); ok {
			then(s, bound)
			return
		}
		stop := stopAt(t.Location, t.String(), "a variable that has no value yet")
		if s, ok := s.on(stopped(stop)); ok {
			then(s, opaque{stop})
		}
	case ast.Ref:
		m.ref(v, t.Location, s, then)
	case *ast.Array:
		m.evalArray(v, 0, nil, s, then)
	case ast.Object:
		m.evalObject(v, s, then)
	case ast.Set:
		m.evalSet(v, s, then)
	case *ast.ArrayComprehension:
		m.comprehend('a', nil, v.Term, v.Body, s, then)
	case *ast.SetComprehension:
		m.comprehend('s', nil, v.Term, v.Body, s, then)
	case *ast.ObjectComprehension:
		m.comprehend('o', v.Key, v.Value, v.Body, s, then)
	default:
		if t.IsGround() {
			then(s, known{t.Value})
			return
		}
		stop := stopAt(t.Location, t.String(), "it is not understood")
		if s, ok := s.on(stopped(stop)); ok {
			then(s, opaque{stop})
		}
	}
}

func (m *machine) evalArray(a *ast.Array, i int, items []value, s state, then func(state, value)) {
	if i == a.Len() {
		v := value(tuple{items})
		if g, ok := ground(v); ok {
			v = known{g}
		}
		then(s, v)
		return
	}
	m.eval(a.Elem(i), s, func(s state, v value) {
		m.evalArray(a, i+1, append(items[:len(items):len(items)], v), s, then)
	})
}

func (m *machine) evalObject(o ast.Object, s state, then func(state, value)) {
	if o.IsGround() && !hasRefs(o) {
		then(s, known{o})
		return
	}
	keys, values := make([]*ast.Term, 0, o.Len()), make([]*ast.Term, 0, o.Len())
	o.Foreach(func(k, v *ast.Term) { keys, values = append(keys, k), append(values, v) })
	m.evalArray(ast.NewArray(append(keys, values...)...), 0, nil, s, func(s state, all value) {
		items := itemsOf(all)
		out := record{}
		for i := range keys {
			key, ok := ground(items[i])
			if !ok {
				then(s, opaque{stopAt(keys[i].Location, keys[i].String(), "a key that is made of the request")})
				return
			}
			out.keys, out.values = append(out.keys, key), append(out.values, items[len(keys)+i])
		}
		v := value(out)
		if g, ok := ground(v); ok {
			v = known{g}
		}
		then(s, v)
	})
}

func (m *machine) evalSet(set ast.Set, s state, then func(state, value)) {
	terms := set.Slice()
	m.evalArray(ast.NewArray(terms...), 0, nil, s, func(s state, all value) {
		out := bag{kind: 's'}
		for _, item := range itemsOf(all) {
			out.members = append(out.members, member{when: always, v: item})
		}
		v := value(out)
		if g, ok := ground(v); ok {
			v = known{g}
		}
		then(s, v)
	})
}

// itemsOf are those of a tuple, or of an array that is known.
func itemsOf(v value) []value {
	switch v := v.(type) {
	case tuple:
		return v.items
	case known:
		a, _ := v.v.(*ast.Array)
		var out []value
		for i := range a.Len() {
			out = append(out, known{a.Elem(i).Value})
		}
		return out
	}
	return nil
}

func hasRefs(v ast.Value) bool {
	found := false
	ast.WalkTerms(ast.NewTerm(v), func(t *ast.Term) bool {
		switch t.Value.(type) {
		case ast.Ref, ast.Var, *ast.ArrayComprehension, *ast.SetComprehension, *ast.ObjectComprehension, ast.Call:
			found = true
		}
		return found
	})
	return found
}

// comprehend collects what a body's ways give.
func (m *machine) comprehend(kind byte, key, term *ast.Term, body ast.Body, s state, then func(state, value)) {
	out := bag{kind: kind}
	inner := s
	inner.when = always
	var errs []*cond
	inner.errs = &errs
	before := m.looks
	m.body(body, inner, func(s state) {
		m.eval(term, s, func(s state, v value) {
			if key == nil {
				out.members = append(out.members, member{when: s.when, v: v})
				return
			}
			m.eval(key, s, func(s state, k value) {
				out.members = append(out.members, member{when: s.when, key: k, v: v})
			})
		})
	})
	for _, c := range errs {
		s.fail(c)
	}
	for i := range out.members {
		one := &out.members[i]
		one.when, one.v = closeValue(one.when, one.v, before)
	}
	if g, ok := ground(out); ok {
		then(s, known{g})
		return
	}
	then(s, out)
}
