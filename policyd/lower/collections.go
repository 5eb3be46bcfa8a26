package lower

import (
	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/krater-mesh/krater/model"
)

// size is count() of what the request makes.
type size struct{ of value }

// memberOf is `x in xs`: false of what has no members.
func memberOf(c call) []outcome {
	m, x, xs := c.m, c.args[0], c.args[1]
	there := and(m.defined(x), m.defined(xs))
	switch xs := xs.(type) {
	case leaf:
		return relation(m.among(c, x, xs), and(there, not(m.among(c, x, xs))))
	case segments:
		before := m.looks
		yes := closed(m.equal(xs.some(m), x), before)
		return relation(yes, and(there, not(yes)))
	case params:
		before := m.looks
		yes := closed(m.equal(xs.some(m), x), before)
		return relation(yes, and(there, not(yes)))
	}
	list, ok := m.members(xs, nil)
	if !ok {
		return c.stop("the members of something that is not known")
	}
	var ways []*cond
	var plain []value
	for _, one := range list {
		if one.when.op == condTrue {
			plain = append(plain, one.v)
			continue
		}
		ways = append(ways, and(one.when, m.equal(x, one.v)))
	}
	yes := or(append(ways, m.anyEqual(x, plain))...)
	return relation(yes, and(there, not(yes)))
}

// misindexed tells of `x in ["a", y, "b"]`: from constants that follow a
// variable OPA's rule index takes that nothing else can be meant, so the rule
// is not even tried where x is y. What it does is the measure.
func (c call) misindexed() bool {
	if c.name != "internal.member_2" || len(c.at.Operands()) != 2 {
		return false
	}
	var variables, others bool
	note := func(t *ast.Term) {
		_, isVar := t.Value.(ast.Var)
		variables, others = variables || isVar, others || !isVar
	}
	switch list := c.at.Operand(1).Value.(type) {
	case *ast.Array:
		list.Foreach(note)
	case ast.Set:
		list.Foreach(note)
	case ast.Object:
		list.Foreach(func(_, v *ast.Term) { note(v) })
	}
	return variables && others
}

// among is `x in list` for a list of the request.
func (m *machine) among(c call, x value, l leaf) *cond {
	if l.kind != kindAny && l.kind != kindList || l.shape.any() {
		return never
	}
	if _, ok := ground(x); !ok || l.in.item > 0 {
		return stopped(stopAt(c.at.Location, c.at.String(), "two values of the request are compared"))
	}
	before := m.looks
	m.looks++
	item := leaf{in: l.in.looked(m.looks)}
	if l.kind == kindList {
		item.kind = kindText
	}
	yes := closed(m.equal(item, x), before)
	if l.kind == kindList {
		return yes
	}
	m.guardUnlike(l)
	return yes
}

// memberWithKey is `k, x in xs`.
func memberWithKey(c call) []outcome {
	m := c.m
	there := and(m.defined(c.args[0]), m.defined(c.args[1]), m.defined(c.args[2]))
	list, ok := m.members(c.args[2], nil)
	if !ok {
		return c.stop("the members of something that is not known")
	}
	var ways []*cond
	for _, one := range list {
		ways = append(ways, and(one.when, m.equal(c.args[0], one.key), m.equal(c.args[1], one.v)))
	}
	yes := or(ways...)
	return relation(yes, and(there, not(yes)))
}

func countOf(c call) []outcome {
	switch v := c.args[0].(type) {
	case tuple:
		return []outcome{{always, known{ast.Number(intText(len(v.items)))}}}
	case record:
		return []outcome{{always, known{ast.Number(intText(len(v.keys)))}}}
	case bag:
		return []outcome{{always, size{v}}}
	case segments:
		return []outcome{{v.when, size{v}}}
	}
	return c.stop("how many there are, or how long it is")
}

// sizeIs compares a count with a number.
func (m *machine) sizeIs(s size, op string, with ast.Number) *cond {
	n, ok := with.Int()
	if !ok {
		return stopped(stopAt(nil, string(with), "a count is compared with what is no count"))
	}
	if g, ok := s.of.(segments); ok {
		return g.count(m, op, n)
	}
	b := s.of.(bag)
	switch op {
	case "<":
		return not(m.atLeast(b, n))
	case "<=":
		return not(m.atLeast(b, n+1))
	case ">":
		return m.atLeast(b, n+1)
	case ">=":
		return m.atLeast(b, n)
	}
	return and(m.atLeast(b, n), not(m.atLeast(b, n+1)))
}

// atLeast is when a collection has so many members. A set's equal ones count
// once: those that are constants are known to differ, others are not.
func (m *machine) atLeast(b bag, n int) *cond {
	if n <= 0 {
		return always
	}
	var whens []*cond
	groups := map[string]int{}
	for _, one := range b.members {
		if b.kind != 'a' {
			v := one.v
			if b.kind == 'o' {
				v = one.key
			}
			_, isKnown := v.(known)
			k, ok := valueKey(v)
			if !isKnown && n > 1 {
				return stopped(stopAt(nil, "count", "members that may be equal are counted"))
			}
			if i, again := groups[k]; ok && again {
				whens[i] = or(whens[i], one.when)
				continue
			}
			groups[k] = len(whens)
		}
		whens = append(whens, one.when)
	}
	return m.choose(whens, n)
}

// choose is when at least n of the conditions hold.
func (m *machine) choose(of []*cond, n int) *cond {
	switch {
	case n <= 0:
		return always
	case n > len(of):
		return never
	case n == 1:
		return or(of...)
	case len(of) > 8:
		return stopped(stopAt(nil, "count", "so many are not counted"))
	}
	return or(and(of[0], m.choose(of[1:], n-1)), m.choose(of[1:], n))
}

var _ = model.TestIn
