package translate

import (
	"strconv"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"github.com/krater-mesh/krater/model"
)

// expression makes an expression one that Envoy can evaluate; false: it cannot,
// and a Problem says why.
func (p *proxy) expression(text string, from model.Ref, field string) (string, bool) {
	parsed, issues := celParser().Parse(text)
	if issues.Err() != nil {
		return "", p.checkCEL(text, from, field) // which tells
	}
	r := attributeRewriter{proxy: p, to: ast.NewExprFactory()}
	r.rewrite(parsed.NativeRep().Expr())
	if r.cannot != "" {
		p.problem(model.Error, model.CodeBadExpression, from, field,
			"inside of an expression the attribute "+r.cannot+" can be compared by ==, != and in with constants, and asked for by has(attribute."+r.cannot+"); no more",
			"declare an attribute whose source is this expression, from: {cel: …}")
		return "", false
	}
	if r.changed {
		var err error
		if text, err = cel.AstToString(parsed); err != nil {
			return "", false
		}
	}
	return text, p.checkCEL(text, from, field)
}

// attributeRewriter replaces declared attributes by what holds them. Filter
// state is bytes to Envoy's CEL, whatever is in it: only equality can be asked.
type attributeRewriter struct {
	proxy   *proxy
	to      ast.ExprFactory
	changed bool
	cannot  string // an attribute in another place
}

func (r *attributeRewriter) rewrite(e ast.Expr) {
	switch e.Kind() {
	case ast.SelectKind:
		if a, ok := r.attribute(e); ok {
			r.alone(e, a)
			return
		}
		r.rewrite(e.AsSelect().Operand())
	case ast.IdentKind:
		if a, ok := r.attribute(e); ok {
			r.alone(e, a)
		}
	case ast.CallKind:
		r.call(e)
	case ast.ListKind:
		for _, item := range e.AsList().Elements() {
			r.rewrite(item)
		}
	}
}

func (r *attributeRewriter) attribute(e ast.Expr) (model.Attribute, bool) {
	name := dotted(e)
	if name == "" {
		return model.Attribute{}, false
	}
	return r.proxy.declaredAs(name)
}

// alone replaces an attribute that is not compared: one that is asked for, or
// that is true or false.
func (r *attributeRewriter) alone(e ast.Expr, a model.Attribute) {
	switch {
	case e.Kind() == ast.SelectKind && e.AsSelect().IsTestOnly():
		e.SetKindCase(r.to.NewCall(0, operators.In, r.text(attributeState(a)), r.to.NewIdent(0, "filter_state")))
	case a.Type == model.AttributeBool:
		e.SetKindCase(r.to.NewCall(0, operators.Equals, r.value(a), r.bytes("true")))
	default:
		r.cannot = a.Name
	}
	r.changed = true
}

func (r *attributeRewriter) call(e ast.Expr) {
	call := e.AsCall()
	if call.IsMemberFunction() {
		r.rewrite(call.Target())
	}
	if name := call.FunctionName(); len(call.Args()) == 2 && (name == operators.Equals || name == operators.NotEquals || name == operators.In) {
		left, isLeft := r.attribute(call.Args()[0])
		right, isRight := r.attribute(call.Args()[1])
		if isLeft && isRight && name != operators.In {
			r.replace(e, name, r.value(left), r.value(right))
			return
		}
		if isRight && name != operators.In { // 'a' == attribute.user
			left, isLeft = right, true
			call = r.to.NewCall(0, name, call.Args()[1], call.Args()[0]).AsCall()
		}
		if isLeft {
			if with, ok := r.constant(left, call.Args()[1]); ok {
				r.replace(e, name, r.value(left), with)
			} else {
				r.cannot = left.Name
			}
			return
		}
	}
	for _, arg := range call.Args() {
		r.rewrite(arg)
	}
}

func (r *attributeRewriter) replace(e ast.Expr, name string, left, right ast.Expr) {
	e.SetKindCase(r.to.NewCall(0, name, left, right))
	r.changed = true
}

// value reads the filter state that holds an attribute.
func (r *attributeRewriter) value(a model.Attribute) ast.Expr {
	return r.to.NewCall(0, operators.Index, r.to.NewIdent(0, "filter_state"), r.text(attributeState(a)))
}

func (r *attributeRewriter) text(s string) ast.Expr  { return r.to.NewLiteral(0, types.String(s)) }
func (r *attributeRewriter) bytes(s string) ast.Expr { return r.to.NewLiteral(0, types.Bytes(s)) }

// constant writes a constant, or a list of them, as the attribute's type
// writes its values.
func (r *attributeRewriter) constant(a model.Attribute, e ast.Expr) (ast.Expr, bool) {
	switch e.Kind() {
	case ast.LiteralKind:
		text, ok := canonical(a.Type, e.AsLiteral())
		return r.bytes(text), ok
	case ast.ListKind:
		var items []ast.Expr
		for _, item := range e.AsList().Elements() {
			constant, ok := r.constant(a, item)
			if !ok || item.Kind() != ast.LiteralKind {
				return nil, false
			}
			items = append(items, constant)
		}
		return r.to.NewList(0, items, nil), true
	}
	return nil, false
}

func canonical(t model.AttributeType, v ref.Val) (string, bool) {
	switch v := v.(type) {
	case types.String:
		return string(v), t == "" || t == model.AttributeString || t == model.AttributeIP
	case types.Int:
		return strconv.FormatInt(int64(v), 10), t == model.AttributeInt
	case types.Double:
		return strconv.FormatFloat(float64(v), 'g', -1, 64), t == model.AttributeDouble
	case types.Bool:
		return strconv.FormatBool(bool(v)), t == model.AttributeBool
	}
	return "", false
}
