package lower

import (
	"fmt"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/krater-mesh/krater/model"
)

// numeral is to_number() of a text of the request: of plain integers, as they
// are written. What else might be a number is guarded.
type numeral struct{ of leaf }

const plainInteger = `(?:0|-?[1-9][0-9]{0,14})`

func toNumber(c call) []outcome {
	l, ok := c.args[0].(leaf)
	if !ok || l.kind != kindText || l.shape.any() {
		if ok && l.kind == kindNumber {
			return []outcome{{present(l), l}}
		}
		return c.stop("it makes a number of what is not understood")
	}
	plain := newTest(l.in, model.TestRegex, plainInteger)
	c.m.guard(and(newTest(l.in, model.TestRegex, `[-+]?[0-9.iInN]`+anyByte), not(plain)))
	return []outcome{{plain, numeral{l}}}
}

// order compares with a number that is an integer from 0 on.
func (n numeral) order(op string, b ast.Value) *cond {
	num, isNum := b.(ast.Number)
	if !isNum {
		if _, null := b.(ast.Null); null || isBoolean(b) {
			return boolCond(op == ">" || op == ">=")
		}
		return boolCond(op == "<" || op == "<=")
	}
	i, ok := num.Int()
	if !ok || i < 0 || i > 1_000_000_000_000 {
		return stopped(stopAt(nil, string(num), "a text is compared with a number that is no integer from 0 on"))
	}
	least := func(k int) *cond { return newTest(n.of.in, model.TestRegex, atLeastDigits(k)) }
	switch op {
	case ">=":
		return least(i)
	case ">":
		return least(i + 1)
	case "<":
		return not(least(i))
	}
	return not(least(i + 1))
}

func isBoolean(v ast.Value) bool { _, ok := v.(ast.Boolean); return ok }

func boolCond(b bool) *cond {
	if b {
		return always
	}
	return never
}

// atLeastDigits matches the integers of at most 15 digits that are k at least.
func atLeastDigits(k int) string {
	if k == 0 {
		return `(?:0|[1-9][0-9]{0,14})`
	}
	digits := intText(k)
	ways := []string{digits}
	for i := range len(digits) {
		if d := digits[i]; d < '9' {
			ways = append(ways, fmt.Sprintf("%s[%c-9][0-9]{%d}", digits[:i], d+1, len(digits)-i-1))
		}
	}
	if len(digits) < 15 {
		ways = append(ways, fmt.Sprintf("[1-9][0-9]{%d,14}", len(digits)))
	}
	return "(?:" + strings.Join(ways, "|") + ")"
}
