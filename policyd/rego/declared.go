package rego

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// Declared is an attribute of an AttributeSet, as the proxy drew it from the
// request. Types are model.AttributeType's.
type Declared struct{ Name, Type, Value string }

// ReadDeclared reads "NAME=TYPE:VALUE". One without a value is absent.
func ReadDeclared(text string) (Declared, bool) {
	name, rest, ok := strings.Cut(text, "=")
	kind, value, ok2 := strings.Cut(rest, ":")
	return Declared{name, kind, value}, ok && ok2 && name != "" && value != ""
}

// declaredItems is `input.attribute`: each attribute under its name, as what
// its type is in JSON. Durations, timestamps and addresses are texts, which
// Rego's own functions read.
func declaredItems(list []Declared) []item {
	if len(list) == 0 {
		return nil
	}
	members := make([]item, 0, len(list))
	for _, d := range list {
		if v := d.term(); v != nil {
			members = append(members, item{ast.StringTerm(d.Name), v})
		}
	}
	return []item{{keyAttribute, object(members)}}
}

// term is nil for what is no value of the type: the proxy sends none such.
func (d Declared) term() *ast.Term {
	switch d.Type {
	case "int":
		if _, err := strconv.ParseInt(d.Value, 10, 64); err != nil {
			return nil
		}
		return ast.NumberTerm(json.Number(d.Value))
	case "double":
		return d.double()
	case "bool":
		return ast.InternedTerm(d.Value == "true")
	case "list":
		var items []*ast.Term
		for part := range strings.SplitSeq(d.Value, ",") {
			items = append(items, ast.StringTerm(envoyText(part)))
		}
		return ast.ArrayTerm(items...)
	}
	return ast.StringTerm(envoyText(d.Value))
}

func (d Declared) double() *ast.Term {
	f, err := strconv.ParseFloat(d.Value, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return nil
	}
	return ast.FloatNumberTerm(f)
}
