// Package lower turns a RegoPolicy into rules that a proxy decides by itself,
// by evaluating the compiled rules with the request unknown. What it does not
// understand exactly is a Stop: the requests that reach it are asked about.
// It never looks at a clock, a network or a request.
package lower

import (
	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/rego"
)

// Policy lowers one policy; attributes are those that the mesh declares. It is
// nil for a policy that does not compile. One with Lower Never has its reads
// alone, and no rules.
func Policy(p model.RegoPolicy, attributes []*model.AttributeSet) *model.Lowered {
	linked, problems := rego.Link(p)
	if problems.HasErrors() {
		return nil
	}
	data, ok := readData(dataText(p), nil)
	if !ok { // the slow way, as policyd reads it
		v, err := ast.InterfaceToValue(linked.Data)
		if err != nil {
			return nil
		}
		data = &base{value: v}
	}
	return newMachine(linked, p, attributes, data).lower()
}
