package translate

import (
	"strings"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/model/attribute"
)

// celParser reads expressions; it knows no names, which are checked after.
var celParser = sync.OnceValue(func() *cel.Env {
	env, err := cel.NewEnv()
	if err != nil { // no options that could be wrong
		panic(err)
	}
	return env
})

// checkCEL finds out whether Envoy can evaluate an expression: one that cannot
// be parsed would have the whole listener refused, and a name that Envoy does
// not know would be silently empty.
func (p *proxy) checkCEL(text string, from model.Ref, field string) bool {
	bad := func(message string) bool {
		p.problem(model.Error, model.CodeBadExpression, from, field, message, "see the attributes in the documentation; expressions are CEL")
		return false
	}
	parsed, issues := celParser().Parse(text)
	if issues.Err() != nil {
		return bad("the expression " + text + " cannot be read: " + issues.Err().Error())
	}
	for _, name := range names(parsed.NativeRep().Expr()) {
		info, known := attribute.Lookup(name)
		switch {
		case known && formats[name] == "" && (strings.HasPrefix(name, "source.") || strings.HasPrefix(name, "destination.")),
			strings.Contains(name, ".workload.") || strings.Contains(name, ".service.") || name == "mesh.reporter" || name == "route.name":
			return bad("the proxy does not know " + name + " inside of an expression; it can be a label or field by itself")
		case !known && !roots[name] && info.Type == attribute.Unknown && !knownPrefix(name):
			return bad("nothing is known as " + name)
		}
	}
	return true
}

// roots are the maps and messages that Envoy knows beside the vocabulary.
var roots = map[string]bool{
	"request": true, "response": true, "source": true, "destination": true, "connection": true, "upstream": true,
	"metadata": true, "filter_state": true, "xds": true, "plugin_name": true, "plugin_root_id": true,
}

func knownPrefix(name string) bool {
	first, _, _ := strings.Cut(name, ".")
	return first == "xds" || first == "metadata" || first == "filter_state" || first == "upstream" || first == "connection"
}

// names gives the dotted names that an expression reads.
func names(e ast.Expr) []string {
	var out []string
	ast.PreOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		if name := dotted(e); name != "" && strings.Contains(name, ".") {
			out = append(out, name)
		}
	}))
	// A name's own beginnings are no names of their own.
	var longest []string
	for _, n := range out {
		prefix := false
		for _, o := range out {
			prefix = prefix || strings.HasPrefix(o, n+".")
		}
		if !prefix {
			longest = append(longest, n)
		}
	}
	return longest
}

func dotted(e ast.Expr) string {
	switch e.Kind() {
	case ast.IdentKind:
		return e.AsIdent()
	case ast.SelectKind:
		s := e.AsSelect()
		if of := dotted(s.Operand()); of != "" {
			return of + "." + s.FieldName()
		}
	}
	return ""
}
