package translate

import (
	"slices"
	"strings"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"

	"github.com/krater-mesh/krater/model"
)

// tellsRedacted finds a redacted attribute that an expression would tell: by
// its name, or by the header that it is taken from.
func (p *proxy) tellsRedacted(text string) (name string, ok bool) {
	secret := slices.DeleteFunc(p.declared(), func(a model.Attribute) bool { return !a.Redact })
	if len(secret) == 0 {
		return "", false
	}
	parsed, issues := celParser().Parse(text)
	if issues.Err() != nil {
		return "", false // which is told where it is used
	}
	for _, a := range secret {
		if tells(parsed.NativeRep().Expr(), a) {
			return a.Name, true
		}
	}
	return "", false
}

const requestHeaders = "request.headers"

// tells looks for what shows an attribute's value.
func tells(e ast.Expr, a model.Attribute) bool {
	names := secretHeaders(a)
	switch name := dotted(e); {
	case name == a.Name, name == "attribute."+a.Name:
		return true
	case name == requestHeaders:
		return len(names) > 0
	case strings.HasPrefix(name, requestHeaders+"."):
		return slices.Contains(names, strings.TrimPrefix(name, requestHeaders+"."))
	case name != "":
		return false
	}
	if header, ok := headerOf(e); ok {
		return slices.Contains(names, header)
	}
	return slices.ContainsFunc(parts(e), func(part ast.Expr) bool { return tells(part, a) })
}

// headerOf reads request.headers['x'], and 'x' in request.headers.
func headerOf(e ast.Expr) (name string, ok bool) {
	if e.Kind() != ast.CallKind || len(e.AsCall().Args()) != 2 {
		return "", false
	}
	args := e.AsCall().Args()
	switch e.AsCall().FunctionName() {
	case operators.In:
		args = []ast.Expr{args[1], args[0]}
	case operators.Index:
	default:
		return "", false
	}
	if dotted(args[0]) != requestHeaders || args[1].Kind() != ast.LiteralKind {
		return "", false
	}
	text, ok := args[1].AsLiteral().(types.String)
	return strings.ToLower(string(text)), ok
}

// secretHeaders are those that an attribute is taken from.
func secretHeaders(a model.Attribute) []string {
	switch {
	case a.Header != "":
		return []string{a.Header}
	case a.Cookie != "":
		return []string{"cookie"}
	case a.CEL == "":
		return nil
	}
	parsed, issues := celParser().Parse(a.CEL)
	if issues.Err() != nil {
		return nil
	}
	var out []string
	ast.PreOrderVisit(parsed.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if name, ok := headerOf(e); ok {
			out = append(out, name)
		}
	}))
	return out
}

// parts are an expression's own.
func parts(e ast.Expr) []ast.Expr {
	switch e.Kind() {
	case ast.CallKind:
		if e.AsCall().IsMemberFunction() {
			return append([]ast.Expr{e.AsCall().Target()}, e.AsCall().Args()...)
		}
		return e.AsCall().Args()
	case ast.SelectKind:
		return []ast.Expr{e.AsSelect().Operand()}
	case ast.ListKind:
		return e.AsList().Elements()
	case ast.MapKind:
		var out []ast.Expr
		for _, entry := range e.AsMap().Entries() {
			out = append(out, entry.AsMapEntry().Key(), entry.AsMapEntry().Value())
		}
		return out
	}
	return nil
}
