package lower

import (
	"encoding/json"
	"math"
	"strconv"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/krater-mesh/krater/model"
)

var numberTests = map[string]model.TestOp{
	"==": model.TestEqualNumber, "<": model.TestLess, "<=": model.TestLessEqual, ">": model.TestGreater, ">=": model.TestGreaterEqual,
}

// plainNumber gives a number in the way that doubles and Rego read alike.
func plainNumber(n ast.Number) (string, bool) {
	f, err := json.Number(n).Float64()
	if err != nil || math.Abs(f) >= 1<<53 {
		return "", false
	}
	short := strconv.FormatFloat(f, 'f', -1, 64)
	return short, ast.Number(short).Compare(n) == 0
}

// numberTest compares a number of the request with a constant.
func numberTest(l leaf, op string, n ast.Number) *cond {
	plain, ok := plainNumber(n)
	if !ok {
		return stopped(stopAt(nil, string(n), "a number that a double does not hold"))
	}
	return newTest(l.in, numberTests[op], plain)
}

// order compares with a constant by Rego's order of types: null, booleans,
// numbers, strings, and then the others.
func (m *machine) order(v value, op string, b ast.Value) *cond {
	switch x := v.(type) {
	case leaf:
		return m.orderLeaf(x, op, b)
	case finite:
		return x.order(op, b)
	case numeral:
		return x.order(op, b)
	case instant:
		if n, ok := b.(ast.Number); ok {
			return instantOrder(op, n)
		}
	case size:
		if n, ok := b.(ast.Number); ok {
			return m.sizeIs(x, op, n)
		}
	}
	return stopped(stopAt(nil, "", "what is not a number is compared by order"))
}

func (m *machine) orderLeaf(l leaf, op string, b ast.Value) *cond {
	up := op == ">" || op == ">="
	n, isNum := b.(ast.Number)
	switch {
	case isNum && l.kind == kindNumber:
		return numberTest(l, op, n)
	case isNum && (l.kind == kindText || l.kind == kindAddress || l.kind == kindList):
		if up {
			return present(l)
		}
		return never
	case isNum && l.kind == kindBool:
		if up {
			return never
		}
		return present(l)
	case isNum && l.kind == kindAny && !l.shape.any():
		low := or(newTest(l.in, model.TestNull), isBool(l))
		if !up {
			return or(low, numberTest(l, op, n))
		}
		opposite := map[string]string{">": "<=", ">=": "<"}[op]
		return and(newTest(l.in, model.TestPresent), not(low), not(numberTest(l, opposite, n)))
	}
	return stopped(stopAt(nil, l.in.ref, "texts are compared by order"))
}
