package lower

import (
	"strconv"

	"github.com/krater-mesh/krater/model"
)

func intText(i int) string { return strconv.Itoa(i) }

// present is when a leaf is there.
func present(l leaf) *cond {
	if l.in.item > 0 && !l.in.Items { // one of a text's parts, while it is looked at
		return always
	}
	if l.shape.any() {
		return l.shaped(anyText)
	}
	c := newTest(l.in, model.TestPresent)
	if l.emptyAbsent {
		c = and(c, not(newTest(l.in, model.TestIn, "")))
	}
	return c
}

// isText is when it is there, and a string.
func isText(l leaf) *cond {
	switch l.kind {
	case kindText, kindAddress:
		return present(l)
	case kindAny:
		return newTest(l.in, model.TestPrefix, "")
	}
	return never
}

func isNumber(l leaf) *cond {
	switch l.kind {
	case kindNumber:
		return present(l)
	case kindAny:
		return or(newTest(l.in, model.TestLess, "0"), newTest(l.in, model.TestGreaterEqual, "0"))
	}
	return never
}

func isBool(l leaf) *cond {
	switch l.kind {
	case kindBool:
		return present(l)
	case kindAny:
		return or(newTest(l.in, model.TestBool, "true"), newTest(l.in, model.TestBool, "false"))
	}
	return never
}
