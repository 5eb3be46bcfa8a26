package lower

import (
	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/krater-mesh/krater/model"
)

func startsWith(c call) []outcome   { return c.textRelation(model.TestPrefix) }
func endsWith(c call) []outcome     { return c.textRelation(model.TestSuffix) }
func containsText(c call) []outcome { return c.textRelation(model.TestContains) }

// textRelation tests a text of the request with a constant; of what is no
// string it is undefined.
func (c call) textRelation(how model.TestOp) []outcome {
	want, ok := c.constant(1)
	if !ok {
		return c.stop("it compares with a value of the request")
	}
	l, ok := c.args[0].(leaf)
	if !ok {
		return c.stop("it looks into a text that is made of the request")
	}
	yes := c.m.textTest(l, how, []string{want})
	return relation(yes, and(isText(l), not(yes)))
}

// constant is an argument that is a known string.
func (c call) constant(i int) (string, bool) {
	g, ok := ground(c.args[i])
	if !ok {
		return "", false
	}
	s, ok := g.(ast.String)
	return string(s), ok
}

// folded is lower() or upper().
func folded(c call, fold byte) []outcome {
	l, ok := c.args[0].(leaf)
	if !ok || l.kind == kindAddress {
		return c.stop("the case of a text that is made of the request")
	}
	if l.shape.fold != 0 && l.shape.fold != fold {
		return c.stop("both cases")
	}
	there := isText(l)
	if l.shape.fold = fold; l.shape.before == "" && l.shape.sep == 0 {
		l.kind = textOf(l.kind)
	}
	return []outcome{{there, l}}
}

func textOf(k kind) kind {
	if k == kindAny {
		return kindText
	}
	return k
}

// splitText is split() at one byte.
func splitText(c call) []outcome {
	sep, ok := c.constant(1)
	l, isLeaf := c.args[0].(leaf)
	if !ok || !isLeaf || len(sep) != 1 || sep[0] >= 0x80 || sep == "!" || l.shape.any() && !l.shape.trimmed() || l.kind == kindAddress || l.in.item > 0 {
		return c.stop("it splits in a way that is not understood")
	}
	there := isText(l)
	return []outcome{{there, segments{in: l.in, lead: l.shape.lead, sep: sep[0], when: there}}}
}

// concatText is concat() of constants around one text of the request.
func concatText(c call) []outcome {
	sep, ok := c.constant(0)
	parts, isTuple := c.args[1].(tuple)
	if !ok || !isTuple {
		return c.stop("it joins what is not understood")
	}
	out, found := text{}, false
	for i, p := range parts.items {
		between := ""
		if i > 0 {
			between = sep
		}
		if g, ok := ground(p); ok {
			s, isText := g.(ast.String)
			if !isText {
				return nil
			}
			if found {
				out.post += between + string(s)
			} else {
				out.pre += between + string(s)
			}
			continue
		}
		l, ok := p.(leaf)
		if !ok || found {
			return c.stop("it joins two values of the request")
		}
		if found, out.part = true, l; found {
			out.pre += between
		}
	}
	return []outcome{{isText(out.part), out}}
}
