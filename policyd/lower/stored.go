package lower

import (
	"strconv"

	"github.com/open-policy-agent/opa/v1/ast"
)

// stored is data while a reference goes on through it. OPA makes a path of
// texts of such a reference: a number finds the member that is named like it,
// and a text the item of a list that it is the place of.
type stored struct{ of value }

// storedLookup is lookup as a path does it.
func storedLookup(v, key ast.Value) ast.Value {
	switch v.(type) {
	case ast.Object:
		if n, ok := key.(ast.Number); ok {
			key = ast.String(n.String())
		}
	case *ast.Array:
		if s, ok := key.(ast.String); ok {
			key = ast.Number(s)
		}
	}
	return lookup(v, key)
}

// storedMember looks one key up.
func (m *machine) storedMember(v stored, key value, rest []*ast.Term, at *ast.Location, s state, then func(state, value)) {
	g, isKnown := ground(key)
	if !isKnown {
		if t, ok := v.of.(*table); ok {
			m.tableBy(t, key, rest, at, true, s, then)
		} else {
			m.lookupBy(v.of.(known).v, key, rest, at, true, s, then)
		}
		return
	}
	var found ast.Value
	switch of := v.of.(type) {
	case *table:
		if n, ok := g.(ast.Number); ok {
			g = ast.String(n.String())
		}
		if name, ok := g.(ast.String); ok {
			found = of.get(string(name))
		}
	case known:
		found = storedLookup(of.v, g)
	}
	if found != nil {
		m.walk(stored{known{found}}, rest, at, s, then)
	}
}

// anyKey is when a key of the request finds one of the members that are named.
func (m *machine) anyKey(key value, names []value, inStore bool) *cond {
	if !inStore || len(names) == 0 {
		return m.anyEqual(key, names)
	}
	_, list := names[0].(known).v.(ast.Number)
	switch k := key.(type) {
	case leaf:
		return m.leafKey(k, names, list)
	case finite:
		return k.where(func(v ast.Value) bool {
			n, isNumber := v.(ast.Number)
			for _, name := range names {
				if isNumber && !list {
					v = ast.String(n.String())
				}
				if v.Compare(name.(known).v) == 0 {
					return true
				}
			}
			return false
		})
	case text:
		if list {
			return stopped(stopAt(nil, k.part.in.ref, "a text is looked up in a list"))
		}
	case numeral, size:
		return stopped(stopAt(nil, "", "a number that is made of the request is looked up in data"))
	}
	return m.anyEqual(key, names)
}

// leafKey is anyKey of one value of the request.
func (m *machine) leafKey(l leaf, names []value, list bool) *cond {
	if list {
		if l.isString() || l.kind == kindAny {
			m.guardLeaf(l, func(l leaf) *cond { return l.shaped(`[-+.0-9]+`) }) // it may be the place of an item
		}
		return m.anyEqual(l, names)
	}
	switch l.kind {
	case kindAny:
		for _, name := range names {
			if s, ok := name.(known).v.(ast.String); ok && likeNumber(string(s)) {
				m.guardLeaf(l, isNumber)
				break
			}
		}
	case kindNumber: // a whole one
		var ways []*cond
		for _, name := range names {
			s, _ := name.(known).v.(ast.String)
			if i, err := strconv.ParseInt(string(s), 10, 54); err == nil && strconv.FormatInt(i, 10) == string(s) {
				ways = append(ways, numberTest(l, "==", ast.Number(s)))
			}
		}
		return or(ways...)
	}
	return m.anyEqual(l, names)
}

// guardLeaf: where a test of a value holds, policyd is asked; of a list's items
// where it holds of one.
func (m *machine) guardLeaf(l leaf, test func(leaf) *cond) {
	if l.in.why != nil {
		return
	}
	if l.in.item > 0 {
		l.in.item, l.in.key = 0, cutLook(l.in.key)
	}
	m.guard(test(l))
}

func likeNumber(s string) bool { return s != "" && (s[0] == '-' || s[0] >= '0' && s[0] <= '9') }
