package lower

import (
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/krater-mesh/krater/model"
)

// ref follows a reference from its head.
func (m *machine) ref(r ast.Ref, at *ast.Location, s state, then func(state, value)) {
	head, ok := r[0].Value.(ast.Var)
	switch {
	case ok && head.Equal(ast.InputRootDocument.Value):
		m.walk(part{node: m.document, ref: "input"}, r[1:], at, s, then)
	case ok && head.Equal(ast.DefaultRootDocument.Value):
		m.walk(virtual{ast.DefaultRootRef}, r[1:], at, s, then)
	default:
		m.eval(r[0], s, func(s state, v value) { m.walk(v, r[1:], at, s, then) })
	}
}

// walk looks keys up in a value, one after the other.
func (m *machine) walk(v value, keys []*ast.Term, at *ast.Location, s state, then func(state, value)) {
	if len(keys) == 0 {
		if p, ok := v.(part); ok && p.node.leaf != nil {
			v = p.atLeaf()
		}
		if r, ok := v.(virtual); ok {
			m.whole(r, at, s, then)
			return
		}
		if d, ok := v.(stored); ok {
			v = d.of
		}
		then(s, v)
		return
	}
	m.step()
	key := keys[0]
	if name, isVar := key.Value.(ast.Var); isVar {
		if _, bound := s.get(name); !bound {
			m.iterate(v, name, keys[1:], at, s, then)
			return
		}
	}
	if hasFree(key, s) { // a pattern: it is looked through
		m.iteratePattern(v, key, keys[1:], at, s, then)
		return
	}
	m.eval(key, s, func(s state, k value) {
		m.member(v, k, keys[1:], at, s, then)
	})
}

// hasFree tells whether a term has a variable without a value.
func hasFree(t *ast.Term, s state) bool {
	switch v := t.Value.(type) {
	case ast.Var:
		_, bound := s.get(v)
		return !bound
	case *ast.Array:
		for i := range v.Len() {
			if hasFree(v.Elem(i), s) {
				return true
			}
		}
	case ast.Object:
		free := false
		v.Foreach(func(k, x *ast.Term) { free = free || hasFree(k, s) || hasFree(x, s) })
		return free
	case ast.Ref:
		return false
	}
	return false
}

// member looks one key up.
func (m *machine) member(v, key value, rest []*ast.Term, at *ast.Location, s state, then func(state, value)) {
	m.use(key)
	on := func(when *cond, v value) {
		if next, ok := s.on(when); ok {
			m.walk(v, rest, at, next, then)
		}
	}
	if o, ok := key.(opaque); ok {
		m.use(v)
		m.touch(rest, s)
		m.onStop(o.stop, s, then)
		return
	}
	g, isKnown := ground(key)
	switch v := v.(type) {
	case part:
		if !isKnown {
			m.use(v)
			m.touch(rest, s)
			m.onStop(stopAt(at, v.ref, "a member of the input that the request names"), s, then)
			return
		}
		next, ok := v.member(g, at)
		if p, query := next.(params); query {
			on(p.there(m), p)
		} else if ok {
			on(always, next)
		}
	case virtual:
		m.virtualMember(v, key, rest, at, s, then)
	case opaque:
		m.touch(rest, s)
		m.onStop(v.stop, s, then)
	case leaf:
		if isKnown {
			m.leafMember(v, g, at, on)
			return
		}
		m.use(v)
		m.touch(rest, s)
		m.onStop(stopAt(at, v.in.ref, "a member that the request names"), s, then)
	case segments:
		m.segment(v, key, at, on)
	case params:
		m.param(v, key, at, on)
	case stored:
		m.storedMember(v, key, rest, at, s, then)
	case *table:
		if !isKnown {
			m.tableBy(v, key, rest, at, false, s, then)
			return
		}
		if name, ok := g.(ast.String); ok {
			if found := v.get(string(name)); found != nil {
				on(always, known{found})
			}
		}
	case known:
		if isKnown {
			if found := lookup(v.v, g); found != nil {
				on(always, known{found})
			}
			return
		}
		m.lookupBy(v.v, key, rest, at, false, s, then)
	default:
		members, ok := m.members(v, nil)
		if !ok {
			return // a string or a number has no members
		}
		for _, one := range members {
			on(and(one.when, m.equal(one.key, key)), one.v)
		}
	}
}

// onStop goes on with a value that is not known.
func (m *machine) onStop(stop stopRef, s state, then func(state, value)) {
	if s, ok := s.on(stopped(stop)); ok {
		then(s, opaque{stop})
	}
}

// lookup finds a member of a value that is known; nil: it has none.
func lookup(v, key ast.Value) ast.Value {
	switch v := v.(type) {
	case ast.Object:
		if t := v.Get(ast.NewTerm(key)); t != nil {
			return t.Value
		}
	case *ast.Array:
		if n, ok := key.(ast.Number); ok {
			if i, ok := n.Int(); ok && i >= 0 && i < v.Len() {
				return v.Elem(i).Value
			}
		}
	case ast.Set:
		if v.Contains(ast.NewTerm(key)) {
			return key
		}
	}
	return nil
}

// lookupBy looks up what the request names, in what is known: the members
// that come to the same are one set of keys.
func (m *machine) lookupBy(v ast.Value, key value, rest []*ast.Term, at *ast.Location, inStore bool, s state, then func(state, value)) {
	ground := 0
	for ground < len(rest) && rest[ground].IsGround() && !isRef(rest[ground]) {
		ground++
	}
	look, in := lookup, func(v ast.Value) value { return known{v} }
	if inStore {
		look, in = storedLookup, func(v ast.Value) value { return stored{known{v}} }
	}
	type group struct {
		v    value
		keys []value
	}
	var order []*group
	groups := map[string]*group{}
	members, _ := m.members(known{v}, nil)
	for _, one := range members {
		m.step()
		found := one.v.(known).v
		if _, set := v.(ast.Set); set {
			found = one.key.(known).v
		}
		for _, k := range rest[:ground] {
			if found = look(found, k.Value); found == nil {
				break
			}
		}
		if found == nil {
			continue
		}
		id := found.String()
		g := groups[id]
		if g == nil {
			g = &group{v: in(found)}
			groups[id] = g
			order = append(order, g)
		}
		g.keys = append(g.keys, one.key)
	}
	for _, g := range order {
		if next, ok := s.on(m.anyKey(key, g.keys, inStore)); ok {
			m.walk(g.v, rest[ground:], at, next, then)
		}
	}
}

// tableBy is lookupBy of a table.
func (m *machine) tableBy(t *table, key value, rest []*ast.Term, at *ast.Location, inStore bool, s state, then func(state, value)) {
	l, isLeaf := key.(leaf)
	if !isLeaf || l.kind != kindText && l.kind != kindAny {
		m.lookupBy(t.object(), key, rest, at, inStore, s, then)
		return
	}
	if inStore && l.kind == kindAny && slices.ContainsFunc(t.entries, func(e entry) bool { return likeNumber(e.name) }) {
		m.guardLeaf(l, isNumber)
	}
	ground := 0
	for ground < len(rest) && rest[ground].IsGround() && !isRef(rest[ground]) {
		ground++
	}
	look, in := lookup, func(v ast.Value) value { return known{v} }
	if inStore {
		look, in = storedLookup, func(v ast.Value) value { return stored{known{v}} }
	}
	type group struct {
		v     ast.Value
		names []string
	}
	var order []*group
	groups := map[string]*group{}
	for i := range t.entries {
		e := &t.entries[i]
		found, id := e.v, e.id
		for _, k := range rest[:ground] {
			if found = look(found, k.Value); found == nil {
				break
			}
		}
		if found == nil {
			continue
		}
		if ground > 0 {
			id = found.String()
		}
		g := groups[id]
		if g == nil {
			g = &group{v: found}
			groups[id] = g
			order = append(order, g)
		}
		g.names = append(g.names, e.name)
	}
	lookup := new(int)
	for i, g := range order {
		m.step()
		c := m.textTest(l, model.TestIn, g.names)
		if c.op == condTest {
			c.test.lookup, c.test.branch = lookup, i
		}
		if next, ok := s.on(c); ok {
			m.walk(in(g.v), rest[ground:], at, next, then)
		}
	}
}

func isRef(t *ast.Term) bool {
	_, ok := t.Value.(ast.Ref)
	return ok
}

// atLeaf is the value at a place of the document.
func (p part) atLeaf() value {
	l := *p.node.leaf
	l.in.ref = p.ref
	return l
}

// member is a place below a place; false: it is never there.
func (p part) member(key ast.Value, at *ast.Location) (value, bool) {
	name, isText := key.(ast.String)
	if p.node.leaf != nil {
		return p.atLeaf(), false
	}
	if !isText {
		return nil, false
	}
	ref := p.ref + refMember(string(name))
	n, ok := p.node.members[string(name)]
	switch {
	case !ok && p.node.other != nil:
		n = p.node.other(string(name))
	case !ok && p.node.why != "":
		n = lacking(p.node.why)
	case !ok:
		return nil, false
	}
	return n.at(ref, at)
}

func (n *node) at(ref string, at *ast.Location) (value, bool) {
	switch {
	case n.absent:
		return nil, false
	case n.known != nil:
		return known{n.known}, true
	case n.special != "":
		return parsedPath(ref), true
	case n.param != "":
		return newParams(n.param, ref), true
	case n.list != nil:
		l := *n.list
		l.in.ref = ref
		return segments{in: l.in, sep: ',', when: present(l)}, true
	case n.leaf != nil:
		l := *n.leaf
		l.in.ref = ref
		return l, true
	case n.members == nil:
		return leaf{in: missing(ref, stopAt(at, ref, n.why))}, true
	}
	return part{n, ref}, true
}

// refMember writes a member as Rego does.
func refMember(name string) string {
	t := ast.Ref{ast.VarTerm("x"), ast.StringTerm(name)}.String()
	return t[1:]
}

// leafMember is a member of a JSON value of the request.
func (m *machine) leafMember(l leaf, key ast.Value, at *ast.Location, on func(*cond, value)) {
	if l.kind == kindList {
		if n, ok := key.(ast.Number); ok {
			stop := stopAt(at, l.in.ref+"["+n.String()+"]", "one item of a list, by its place")
			on(stopped(stop), opaque{stop})
		}
		return
	}
	if l.kind != kindAny || l.shape.any() {
		return
	}
	name, isText := key.(ast.String)
	if !isText || l.in.item > 0 {
		stop := stopAt(at, l.in.ref+"["+key.String()+"]", "one item of a list, by its place")
		on(stopped(stop), opaque{stop})
		return
	}
	ref := l.in.ref + refMember(string(name))
	if l.in.why != nil {
		on(always, leaf{in: missing(ref, &model.Stop{Module: l.in.why.Module, Line: l.in.why.Line, Expression: ref, Why: l.in.why.Why})})
		return
	}
	p := l.in.ProxyInput
	p.Path = append(p.Path[:len(p.Path):len(p.Path)], string(name))
	on(always, leaf{in: newInput(p, ref)})
}
