package lower

import (
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/krater-mesh/krater/model"
)

// trimPrefix is what follows a prefix, or the whole.
func trimPrefix(c call) []outcome {
	prefix, ok := c.constant(1)
	l, isLeaf := c.args[0].(leaf)
	if !ok || !isLeaf || l.shape.any() || l.kind == kindAddress || prefix == "" {
		return c.stop("it cuts what is not understood")
	}
	has := c.m.textTest(l, model.TestPrefix, []string{prefix})
	rest := l
	rest.kind, rest.emptyAbsent = kindText, false
	rest.shape = shape{before: quoteText(prefix), first: true, lead: prefix}
	return []outcome{{has, rest}, {and(isText(l), not(has)), l}}
}

// trimSuffix is what stands before a suffix, or the whole.
func trimSuffix(c call) []outcome {
	suffix, ok := c.constant(1)
	l, isLeaf := c.args[0].(leaf)
	if !ok || !isLeaf || l.shape.any() || l.kind == kindAddress || suffix == "" {
		return c.stop("it cuts what is not understood")
	}
	has := c.m.textTest(l, model.TestSuffix, []string{suffix})
	rest := l
	rest.kind, rest.emptyAbsent = kindText, false
	rest.shape = shape{after: quoteText(suffix)}
	return []outcome{{has, rest}, {and(isText(l), not(has)), l}}
}

// anyPrefix is strings.any_prefix_match of a text and constants.
func anyPrefix(c call) []outcome { return c.anyOf(model.TestPrefix) }
func anySuffix(c call) []outcome { return c.anyOf(model.TestSuffix) }

func (c call) anyOf(how model.TestOp) []outcome {
	l, ok := c.args[0].(leaf)
	g, ok2 := ground(c.args[1])
	if !ok || !ok2 {
		return c.stop("several texts of the request")
	}
	var words []string
	if s, ok := g.(ast.String); ok {
		words = []string{string(s)}
	} else {
		for _, one := range knownMembers(g) {
			s, ok := one.v.(known).v.(ast.String)
			if !ok {
				return nil
			}
			words = append(words, string(s))
		}
	}
	if l.kind == kindAny && l.in.why == nil && l.in.item == 0 && !l.shape.any() { // of a list it asks for any item
		c.m.guard(and(newTest(l.in, model.TestPresent), not(isText(l)), not(isNumber(l)), not(isBool(l)), not(isNull(l))))
	} else if l.kind == kindAny || l.kind == kindList {
		return c.stop("several texts of the request")
	}
	yes := never
	if len(words) > 0 {
		yes = c.m.textTest(l, how, words)
	}
	return relation(yes, and(isText(l), not(yes)))
}

// formatted is sprintf of constants around one text of the request.
func formatted(c call) []outcome {
	format, ok := c.constant(0)
	args, isTuple := c.args[1].(tuple)
	if !ok || !isTuple {
		return c.stop("it writes what is not understood")
	}
	out, found, next := text{}, false, 0
	put := func(s string) {
		if found {
			out.post += s
		} else {
			out.pre += s
		}
	}
	for rest := format; rest != ""; {
		before, after, more := strings.Cut(rest, "%")
		put(before)
		if !more {
			break
		}
		if strings.HasPrefix(after, "%") {
			put("%")
			rest = after[1:]
			continue
		}
		if after == "" || !strings.ContainsRune("sv", rune(after[0])) || next >= len(args.items) {
			return c.stop("it writes in a way that is not understood")
		}
		rest = after[1:]
		arg := args.items[next]
		next++
		if g, ok := ground(arg); ok {
			s, isText := g.(ast.String)
			if !isText {
				return c.stop("it writes what is no text")
			}
			put(string(s))
			continue
		}
		l, isLeaf := arg.(leaf)
		if !isLeaf || found || !l.isString() || l.kind == kindAddress {
			return c.stop("it writes two values of the request, or what may be no text")
		}
		found, out.part = true, l
	}
	if next != len(args.items) || !found {
		return c.stop("it writes in a way that is not understood")
	}
	return []outcome{{isText(out.part), out}}
}

// objectGet is object.get(object, key or path, default).
func objectGet(c call) []outcome {
	key, ok := ground(c.args[1])
	if !ok {
		return c.stop("a member that the request names")
	}
	keys := []*ast.Term{ast.NewTerm(key)}
	if path, isPath := key.(*ast.Array); isPath {
		keys = nil
		path.Foreach(func(t *ast.Term) { keys = append(keys, t) })
	}
	switch c.args[0].(type) {
	case part, record:
	default:
		return c.stop("a member of what is not known")
	}
	var out []outcome
	var there []*cond
	var errs []*cond
	c.m.walk(c.args[0], keys, c.at.Location, state{when: always, errs: &errs, at: c.at}, func(s state, v value) {
		when := and(s.when, c.m.defined(v))
		out, there = append(out, outcome{when, v}), append(there, when)
	})
	return append(out, outcome{not(or(there...)), c.args[2]})
}

// fromEnd is count(parts) - n, a place among parts.
type fromEnd struct {
	of segments
	n  int
}

// minus is known of the count of parts; and of sets.
func minus(c call) []outcome {
	if s, ok := c.args[0].(size); ok {
		g, isParts := s.of.(segments)
		n, ok := ground(c.args[1])
		if num, isNum := n.(ast.Number); ok && isParts && isNum {
			if i, ok := num.Int(); ok && i > 0 && i < maxRepeat {
				return []outcome{{g.when, fromEnd{g, i}}}
			}
		}
	}
	return c.stop("it counts with a value of the request")
}

// last is the part at so many places before the end.
func (f fromEnd) last() leaf {
	g := f.of
	s := shape{before: quoteText(g.lead) + "(?:" + anyByte + g.cut() + ")?", sep: g.sep}
	for range f.n - 1 {
		s.after += g.cut() + g.one()
	}
	return leaf{in: g.in, kind: kindText, shape: s}
}

// ofType is is_string and the like.
func ofType(test func(leaf) *cond) func(call) []outcome {
	return func(c call) []outcome {
		l, ok := c.args[0].(leaf)
		if !ok {
			return c.stop("the type of what is not known")
		}
		yes := test(l)
		return []outcome{{yes, boolean(true)}, {and(present(l), not(yes)), boolean(false)}}
	}
}

func isNull(l leaf) *cond {
	if l.kind != kindAny {
		return never
	}
	return newTest(l.in, model.TestNull)
}
