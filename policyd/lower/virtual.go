package lower

import (
	"github.com/open-policy-agent/opa/v1/ast"
)

// virtualMember is a member of a package: a package in it, a rule, or data.
func (m *machine) virtualMember(v virtual, key value, rest []*ast.Term, at *ast.Location, s state, then func(state, value)) {
	if g, ok := ground(key); ok {
		m.virtualAt(append(v.path[:len(v.path):len(v.path)], ast.NewTerm(g)), rest, at, s, then)
		return
	}
	names := map[string]bool{} // and whether data alone has it
	if n := m.linked.Compiler.RuleTree.Find(v.path); n != nil {
		for k := range n.Children {
			if s, ok := k.(ast.String); ok {
				names[string(s)] = false
			}
		}
	}
	if found := m.base(v.path); found != nil {
		list, _ := m.members(found, nil)
		for _, one := range list {
			if s, ok := one.key.(known).v.(ast.String); ok {
				_, rules := names[string(s)]
				names[string(s)] = !rules
			}
		}
	}
	for _, name := range sorted(names) {
		if next, ok := s.on(m.anyKey(key, []value{known{ast.String(name)}}, names[name])); ok {
			m.virtualAt(append(v.path[:len(v.path):len(v.path)], ast.StringTerm(name)), rest, at, next, then)
		}
	}
}

// virtualAt is what stands at a path below data.
func (m *machine) virtualAt(path ast.Ref, rest []*ast.Term, at *ast.Location, s state, then func(state, value)) {
	n := m.linked.Compiler.RuleTree.Find(path)
	switch {
	case n == nil || len(n.Values) == 0 && len(n.Children) == 0:
		if found := m.base(path); found != nil {
			m.walk(stored{found}, rest, at, s, then)
		}
	case len(n.Values) == 0:
		m.walk(virtual{path}, rest, at, s, then)
	default:
		ext := m.extent(n, path)
		s.fail(ext.errs)
		for _, o := range ext.arms {
			if next, ok := s.on(o.when); ok {
				m.walk(o.v, rest, at, next, then)
			}
		}
	}
}

// base is what the data document has at a path below data; nil: nothing.
func (m *machine) base(path ast.Ref) value { return m.data.at(path[1:]) }

// whole is a package as a value: all its rules at once.
func (m *machine) whole(v virtual, at *ast.Location, s state, then func(state, value)) {
	if n := m.linked.Compiler.RuleTree.Find(v.path); n == nil {
		if found := m.base(v.path); found != nil {
			then(s, found)
		}
		return
	}
	stop := stopAt(at, v.path.String(), "all rules of a package at once")
	s.fail(stopped(stop)) // any of them may
	m.onStop(stop, s, then)
}
