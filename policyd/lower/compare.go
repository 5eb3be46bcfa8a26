package lower

import (
	"net/netip"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/krater-mesh/krater/model"
)

// truthy is when a value is there, and not false.
func (m *machine) truthy(v value) *cond {
	m.use(v)
	switch v := v.(type) {
	case known:
		if b, ok := v.v.(ast.Boolean); ok && !bool(b) {
			return never
		}
	case opaque:
		return stopped(v.stop)
	case leaf:
		switch v.kind {
		case kindBool:
			return newTest(v.in, model.TestBool, "true")
		case kindAny:
			return and(present(v), not(newTest(v.in, model.TestBool, "false")))
		}
		return present(v)
	case part:
		return m.partThere(v)
	case text:
		return present(v.part)
	}
	return always
}

// defined is when a value is there.
func (m *machine) defined(v value) *cond {
	switch v := v.(type) {
	case leaf:
		if v.in.Kind != model.InputClaim { // its members are read, or the whole token
			m.use(v)
		}
		return present(v)
	case part:
		return m.partThere(v)
	case bag, virtual:
		return always
	case text:
		return present(v.part)
	case tuple:
		return m.allDefined(v.items)
	case record:
		return m.allDefined(v.values)
	}
	return m.truthyOrFalse(v)
}

func (m *machine) truthyOrFalse(v value) *cond {
	if _, ok := v.(known); ok {
		return always
	}
	return m.truthy(v)
}

func (m *machine) allDefined(values []value) *cond {
	all := make([]*cond, len(values))
	for i, v := range values {
		all[i] = m.defined(v)
	}
	return and(all...)
}

// anyEqual is when a value is one of several.
func (m *machine) anyEqual(v value, of []value) *cond {
	m.use(v)
	ways := make([]*cond, 0, len(of))
	var texts []string
	l, isLeaf := v.(leaf)
	for _, o := range of {
		if k, ok := o.(known); ok && isLeaf && (l.kind == kindText || l.kind == kindAny) {
			if s, ok := k.v.(ast.String); ok {
				texts = append(texts, string(s))
				continue
			}
		}
		ways = append(ways, m.equal(v, o))
	}
	if len(texts) > 0 {
		ways = append(ways, m.textTest(l, model.TestIn, texts))
	}
	return or(ways...)
}

// equal is when two values are there, and equal.
func (m *machine) equal(a, b value) *cond {
	m.use(a)
	m.use(b)
	if _, ok := b.(known); !ok {
		if _, ok := a.(known); ok {
			a, b = b, a
		}
	}
	a, b = plain(a), plain(b)
	if o, ok := a.(opaque); ok {
		return stopped(o.stop)
	}
	if o, ok := b.(opaque); ok {
		return stopped(o.stop)
	}
	if k, ok := b.(known); ok {
		return m.equalKnown(a, k.v)
	}
	switch x := a.(type) {
	case leaf:
		if y, ok := b.(leaf); ok {
			return m.equalLeaves(x, y)
		}
	case tuple:
		if y, ok := b.(tuple); ok {
			return m.equalAll(x.items, y.items)
		}
		if y, ok := b.(segments); ok {
			return m.equalSegments(y, x.items)
		}
	case segments:
		if y, ok := b.(tuple); ok {
			return m.equalSegments(x, y.items)
		}
	}
	return stopped(stopAt(nil, "", "two values of the request are compared"))
}

func (m *machine) equalLeaves(a, b leaf) *cond {
	if a.in.key == b.in.key && a.shape == b.shape {
		return present(a)
	}
	if a.kind != kindAny && b.kind != kindAny && a.kind != b.kind && !(a.isString() && b.isString()) {
		return never
	}
	if same := m.sameText(a, b); same != nil {
		return same
	}
	return stopped(stopAt(nil, a.in.ref+" == "+b.in.ref, "two values of the request are compared"))
}

func (l leaf) isString() bool { return l.kind == kindText || l.kind == kindAddress }

func (m *machine) equalAll(a, b []value) *cond {
	if len(a) != len(b) {
		return never
	}
	all := make([]*cond, len(a))
	for i := range a {
		all[i] = m.equal(a[i], b[i])
	}
	return and(all...)
}

// plain is a value without tables.
func plain(v value) value {
	if t, ok := v.(*table); ok {
		return known{t.object()}
	}
	return v
}

// equalKnown compares with a constant.
func (m *machine) equalKnown(a value, b ast.Value) *cond {
	switch x := a.(type) {
	case known:
		if x.v.Compare(b) == 0 {
			return always
		}
		return never
	case leaf:
		return m.equalConstant(x, b)
	case text:
		if s, ok := b.(ast.String); ok {
			return x.equal(m, string(s))
		}
		return never
	case tuple:
		if array, ok := b.(*ast.Array); ok {
			return m.equalAll(x.items, itemsOf(known{array}))
		}
		return never
	case record:
		return m.equalRecord(x, b)
	case segments:
		if array, ok := b.(*ast.Array); ok {
			return m.equalSegments(x, itemsOf(known{array}))
		}
		return never
	case size:
		if n, ok := b.(ast.Number); ok {
			return m.sizeIs(x, "==", n)
		}
		return never
	case finite:
		return x.where(func(v ast.Value) bool { return v.Compare(b) == 0 })
	case numeral:
		if _, ok := b.(ast.Number); ok {
			return and(x.order(">=", b), x.order("<=", b))
		}
		return never
	case bag:
		return m.equalBag(x, b)
	case part:
		if _, ok := b.(ast.Object); !ok {
			return never
		}
	}
	return stopped(stopAt(nil, "", "an object of the request is compared"))
}

func (m *machine) equalRecord(r record, b ast.Value) *cond {
	o, ok := b.(ast.Object)
	if !ok || o.Len() != len(r.keys) {
		return never
	}
	all := make([]*cond, len(r.keys))
	for i, k := range r.keys {
		t := o.Get(ast.NewTerm(k))
		if t == nil {
			return never
		}
		all[i] = m.equal(r.values[i], known{t.Value})
	}
	return and(all...)
}

// equalBag compares what the request makes with a constant: sets by their
// members, all else where the constant is empty.
func (m *machine) equalBag(b bag, with ast.Value) *cond {
	list := knownMembers(with)
	switch with := with.(type) {
	case ast.Set:
		if b.kind != 's' {
			return never
		}
	case *ast.Array:
		if b.kind != 'a' {
			return never
		}
	case ast.Object:
		if b.kind != 'o' {
			return never
		}
	default:
		_ = with
		return never
	}
	if b.kind != 's' && len(list) > 0 {
		return stopped(stopAt(nil, with.String(), "a list that the request makes is compared"))
	}
	var all []*cond
	for _, want := range list {
		var ways []*cond
		for _, one := range b.members {
			ways = append(ways, and(one.when, m.equal(one.v, want.v)))
		}
		all = append(all, or(ways...))
	}
	for _, one := range b.members {
		ways := []*cond{not(one.when)}
		for _, want := range list {
			ways = append(ways, m.equal(one.v, want.v))
		}
		all = append(all, or(ways...))
	}
	return and(all...)
}

// equalConstant compares one value of the request with a constant.
func (m *machine) equalConstant(l leaf, b ast.Value) *cond {
	switch b := b.(type) {
	case ast.String:
		switch l.kind {
		case kindText, kindAny:
			return m.textTest(l, model.TestIn, []string{string(b)})
		case kindAddress:
			return equalAddress(l, string(b))
		}
	case ast.Number:
		if l.kind == kindNumber || l.kind == kindAny && !l.shape.any() {
			return numberTest(l, "==", b)
		}
	case ast.Boolean:
		if l.kind == kindBool || l.kind == kindAny && !l.shape.any() {
			return newTest(l.in, model.TestBool, b.String())
		}
	case ast.Null:
		if l.kind == kindAny && !l.shape.any() {
			return newTest(l.in, model.TestNull)
		}
	case *ast.Array, ast.Object:
		if l.kind == kindAny || l.kind == kindList {
			return stopped(stopAt(nil, l.in.ref, "it is compared with a list or an object"))
		}
	}
	return never
}

// equalAddress: addresses are written in one way.
func equalAddress(l leaf, text string) *cond {
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" || a.String() != text {
		return never
	}
	if a.Is4In6() {
		return stopped(stopAt(nil, l.in.ref, "an IPv4 address that is written as IPv6"))
	}
	return newTest(l.in, model.TestCIDR, netip.PrefixFrom(a, a.BitLen()).String())
}

// alwaysThere are the objects that every request has.
var alwaysThere = map[string]bool{"input": true, "input.attributes": true, "input.attributes.request": true,
	"input.attributes.request.http": true, "input.attributes.request.http.headers": true, "input.attributes.source": true,
	"input.attributes.destination": true, "input.attributes.metadataContext": true}

func (m *machine) partThere(p part) *cond {
	if alwaysThere[p.ref] {
		return always
	}
	m.readsAll = true
	return stopped(stopAt(nil, p.ref, "whether the input has an object there"))
}
