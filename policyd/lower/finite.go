package lower

import (
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/krater-mesh/krater/model"
)

// finite is a value of the request that is one of a few.
type finite struct {
	in     input
	texts  []string // as a proxy has them
	values []ast.Value
}

// where is when it is one for which a test holds.
func (f finite) where(holds func(ast.Value) bool) *cond {
	var texts []string
	for i, v := range f.values {
		if holds(v) {
			texts = append(texts, f.texts[i])
		}
	}
	if len(texts) == len(f.values) {
		return always
	}
	return newTest(f.in, model.TestIn, texts...)
}

func (f finite) order(op string, b ast.Value) *cond {
	return f.where(func(v ast.Value) bool {
		switch n := v.Compare(b); op {
		case "<":
			return n < 0
		case "<=":
			return n <= 0
		case ">":
			return n > 0
		default:
			return n >= 0
		}
	})
}

// clockPart is a part of the time of a request, in UTC: so many values from
// one on, as two digits.
func clockPart(name string, from, count int) finite {
	f := finite{in: newInput(model.ProxyInput{Kind: model.InputTime, Name: name}, "")}
	for i := from; i < from+count; i++ {
		f.texts, f.values = append(f.texts, fmt.Sprintf("%02d", i)), append(f.values, ast.Number(intText(i)))
	}
	return f
}

func weekdays() finite {
	f := finite{in: newInput(model.ProxyInput{Kind: model.InputTime, Name: "weekday"}, "")}
	for _, day := range []string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"} {
		f.texts, f.values = append(f.texts, day), append(f.values, ast.String(day))
	}
	return f
}
