package lower

import (
	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/krater-mesh/krater/model"
)

// members are those of a value, each with its key and when it is there;
// false: they are not known.
func (m *machine) members(v value, at *ast.Expr) ([]member, bool) {
	switch v := v.(type) {
	case known:
		return knownMembers(v.v), true
	case *table:
		out := make([]member, len(v.entries))
		for i, e := range v.entries {
			out[i] = member{always, known{ast.String(e.name)}, known{e.v}}
		}
		return out, true
	case tuple:
		out := make([]member, len(v.items))
		for i, item := range v.items {
			out[i] = member{always, known{ast.Number(intText(i))}, item}
		}
		return out, true
	case record:
		out := make([]member, len(v.keys))
		for i := range v.keys {
			out[i] = member{always, known{v.keys[i]}, v.values[i]}
		}
		return out, true
	case bag:
		out := make([]member, len(v.members))
		for i, one := range v.members {
			switch v.kind {
			case 's':
				one.key = one.v
			case 'a':
				one.key = opaque{stopAt(nil, "", "the place of an item in a list that the request makes")}
			}
			out[i] = one
		}
		return out, true
	}
	return nil, false
}

func knownMembers(v ast.Value) []member {
	var out []member
	switch v := v.(type) {
	case *ast.Array:
		for i := range v.Len() {
			out = append(out, member{always, known{ast.Number(intText(i))}, known{v.Elem(i).Value}})
		}
	case ast.Object:
		out = make([]member, 0, v.Len())
		v.Foreach(func(k, x *ast.Term) { out = append(out, member{always, known{k.Value}, known{x.Value}}) })
	case ast.Set:
		v.Foreach(func(x *ast.Term) { out = append(out, member{always, known{x.Value}, known{x.Value}}) })
	}
	return out
}

// isCollection is when a value is there, and has members.
func (m *machine) isCollection(v value) *cond {
	if k, ok := v.(known); ok {
		switch k.v.(type) {
		case *ast.Array, ast.Object, ast.Set:
		default:
			return never
		}
	}
	return always
}

// iterate binds a variable to each key of a value.
func (m *machine) iterate(v value, name ast.Var, rest []*ast.Term, at *ast.Location, s state, then func(state, value)) {
	m.each(v, at, s, func(s state, key, one value) {
		if !name.IsWildcard() {
			s = s.bind(name, key)
		}
		m.walk(one, rest, at, s, then)
	}, then)
}

// iteratePattern looks through the keys that fit to a pattern.
func (m *machine) iteratePattern(v value, pattern *ast.Term, rest []*ast.Term, at *ast.Location, s state, then func(state, value)) {
	m.each(v, at, s, func(s state, key, one value) {
		m.match(pattern, key, s, func(s state) { m.walk(one, rest, at, s, then) })
	}, then)
}

// each visits the members of a value; where they are not known, stop gets a
// value that is not known either.
func (m *machine) each(v value, at *ast.Location, s state, visit func(state, value, value), stop func(state, value)) {
	m.use(v)
	switch c := v.(type) {
	case leaf:
		m.look(c, at, s, visit, stop)
		return
	case segments:
		if next, ok := s.on(c.when); ok {
			visit(next, opaque{stopAt(at, c.in.ref, "the place of a part")}, c.some(m))
		}
		return
	case part:
		m.onStop(stopAt(at, c.ref, "all that the input has there"), s, stop)
		return
	case opaque:
		m.onStop(c.stop, s, stop)
		return
	case params:
		visit(s, opaque{stopAt(at, c.in.ref, "the place of a value")}, c.some(m))
		return
	case stored:
		m.each(c.of, at, s, func(s state, key, one value) { visit(s, key, stored{one}) }, stop)
		return
	case virtual:
		m.whole(c, at, s, func(s state, v value) {
			if _, same := v.(virtual); !same {
				m.each(v, at, s, visit, stop)
			}
		})
		return
	}
	list, _ := m.members(v, nil)
	for _, one := range list {
		m.step()
		if next, ok := s.on(one.when); ok {
			visit(next, one.key, one.v)
		}
	}
}

// look looks at the items of a list of the request, one by one. An object has
// members, too: it is asked about.
func (m *machine) look(l leaf, at *ast.Location, s state, visit func(state, value, value), stop func(state, value)) {
	if l.kind != kindAny && l.kind != kindList || l.shape.any() || l.in.item > 0 {
		if l.in.item > 0 {
			m.onStop(stopAt(at, l.in.ref, "a list within a list"), s, stop)
		}
		return
	}
	m.looks++
	item := leaf{in: l.in.looked(m.looks)}
	if l.kind == kindList {
		item.kind = kindText
	}
	if next, ok := s.on(newTest(item.in, model.TestPresent)); ok {
		visit(next, opaque{stopAt(at, l.in.ref, "the place of an item in a list")}, item)
	}
	if l.kind == kindAny {
		m.guardUnlike(l)
	}
}

// unlike is when a value is an object, or a list without items: nothing that
// tests know.
func (m *machine) unlike(l leaf) *cond {
	items := l.in.looked(0)
	items.item, items.key = 0, cutLook(items.key)
	return and(newTest(l.in, model.TestPresent), not(isText(l)), not(isNumber(l)), not(isBool(l)),
		not(newTest(l.in, model.TestNull)), not(newTest(items, model.TestPresent)))
}

func (m *machine) guardUnlike(l leaf) {
	if l.in.why == nil {
		m.guard(m.unlike(l))
	}
}
