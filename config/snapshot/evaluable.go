package snapshot

import (
	"errors"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
)

var (
	errJoins  = errors.New("proxies cannot join texts with +")
	errString = errors.New("proxies cannot make texts with string()")
	errMacro  = errors.New("proxies cannot walk through lists with all, exists, filter or map")
)

// evaluable says what of an expression Envoy's CEL has not: what it would
// refuse with the whole listener, or silently never evaluate.
func (x *expressions) evaluable(checked *cel.Ast) error {
	var found error
	references := checked.NativeRep().ReferenceMap()
	ast.PreOrderVisit(checked.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.ComprehensionKind:
			found = errMacro
		case ast.CallKind:
			for _, overload := range references[e.ID()].OverloadIDs {
				switch {
				case strings.HasPrefix(overload, "add_string"):
					found = errJoins
				case strings.HasSuffix(overload, "_to_string"):
					found = errString
				}
			}
		case ast.SelectKind: // has(attribute.NAME) of what nobody declares
			s := e.AsSelect()
			if s.Operand().Kind() == ast.IdentKind && s.Operand().AsIdent() == "attribute" {
				if _, known := x.types["attribute."+s.FieldName()]; !known {
					found = unknownAttribute("attribute." + s.FieldName())
				}
			}
		}
	}))
	return found
}
