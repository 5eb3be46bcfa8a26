package snapshot

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/model/attribute"
)

// attributeSet adds what is drawn from requests. An expression must be one
// that proxies evaluate when a request arrives.
func (d *draft) attributeSet(e *crds.Entry) {
	set := *e.Content.Attributes
	set.Selector = d.selector(e, set.Selector)
	set.Attributes = slices.Clone(set.Attributes)
	for i := range set.Attributes {
		a := &set.Attributes[i]
		if a.CEL == "" {
			continue
		}
		field := item("spec.attributes", i) + ".from.cel"
		checked, err := arriving().compile(a.CEL)
		if err != nil {
			d.problem(e, model.Error, model.CodeBadExpression, field, arriving().hint(err), "%v", err)
			continue
		}
		if a.Typed, err = typed(a.Type, checked.OutputType()); err != nil {
			d.problem(e, model.Error, model.CodeBadExpression, field, "", "%v", err)
		}
		if a.Redact && arriving().recorded(checked) {
			d.problem(e, model.Error, model.CodeNotAllowed, item("spec.attributes", i)+".redact", "take it from headers alone",
				"every record and span carries the path with its query, and more of the request: it cannot be kept in the proxy")
		}
	}
	d.snap.Attributes = append(d.snap.Attributes, &set)
}

// arriving knows the attributes that a proxy has of a request that arrives,
// and that its expressions know by name.
var arriving = sync.OnceValue(func() *expressions {
	return newExpressions(nil, func(i attribute.Info) bool {
		first, rest, _ := strings.Cut(i.Name, ".")
		mine := first == "request" || first == "connection" && i.Name != "connection.mtls" || rest == "address" || rest == "port"
		return mine && !i.Response && first != "upstream"
	})
})

// typed tells whether an expression's value is written as the attribute's type
// writes its own; else it is converted. Doubles are not: proxies write six of
// their digits.
func typed(t model.AttributeType, of *cel.Type) (bool, error) {
	switch of.Kind() {
	case cel.StringKind:
		return t == model.AttributeString || t == "", nil
	case cel.BoolKind:
		return true, wants(t, of, model.AttributeBool)
	case cel.IntKind:
		return true, wants(t, of, model.AttributeInt)
	case cel.DurationKind:
		return false, wants(t, of, model.AttributeDuration)
	case cel.TimestampKind:
		return false, wants(t, of, model.AttributeTimestamp)
	case cel.DoubleKind:
		return false, errors.New("the expression is a double, of which proxies write six digits: take the number from where it is")
	case cel.DynKind:
		return false, nil
	}
	return false, fmt.Errorf("the expression is a %s: want one plain value", of)
}

func wants(have model.AttributeType, of *cel.Type, want model.AttributeType) error {
	if have != want {
		return fmt.Errorf("the expression is a %s, and the attribute a %s: want type: %s", of, have, want)
	}
	return nil
}

// recorded tells whether an expression reads what every record has: anything
// but headers by their names, or one of the headers that records have.
func (x *expressions) recorded(checked *cel.Ast) bool {
	found := false
	ast.PreOrderVisit(checked.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.IdentKind:
			_, known := x.types[e.AsIdent()]
			found = found || known && e.AsIdent() != "request.headers"
		case ast.SelectKind:
			found = true
		case ast.LiteralKind:
			text, ok := e.AsLiteral().Value().(string)
			found = found || ok && crds.Recorded(text)
		}
	}))
	return found
}

// attributeReferences finds policies and limits that read what nobody
// declares: an absent attribute would make a DENY deny nothing.
func (d *draft) attributeReferences() {
	declared, shown := map[string]bool{}, map[string]bool{}
	for _, s := range d.snap.Attributes {
		for _, a := range s.Attributes {
			declared[a.Name] = true
			shown[a.Name] = shown[a.Name] || !a.Redact
		}
	}
	d.each(func(e *crds.Entry) {
		check := func(name, field string) {
			if name != "" && !declared[name] {
				fix := "declare it in an AttributeSet"
				if best := crds.Nearest(name, slices.Sorted(maps.Keys(declared))); best != "" {
					fix = "did you mean attribute." + best + "?"
				}
				d.problem(e, model.Error, model.CodeBadExpression, field, fix, "no AttributeSet declares the attribute %s", name)
			}
		}
		if p := e.Content.Authorization; p != nil {
			for i, r := range p.Rules {
				for j, c := range r.When {
					check(c.Attribute, item(item("spec.rules", i)+".when", j)+".key")
				}
			}
		}
		if p := e.Content.Rego; p != nil {
			d.regoReferences(e, p, declared, shown)
		}
		if l := e.Content.AccessList; l != nil {
			check(l.Attribute, "spec.key")
		}
		if e.Content.Limits == nil {
			return
		}
		for i, l := range e.Content.Limits.Items {
			for j, c := range l.When {
				check(c.Attribute, item(item("spec.limits", i)+".when", j)+".key")
			}
			for j, k := range l.Key {
				if name, ok := strings.CutPrefix(k, "attribute."); ok {
					check(name, item(item("spec.limits", i)+".key", j))
				}
			}
		}
	})
}

var regoAttribute = regexp.MustCompile(`\binput\.attribute(?:\.([a-zA-Z_]\w*)|\["([^"]+)"\])`)

// regoReferences warns of what a policy reads and never gets: to Rego it is
// undefined, which "not" makes true. What a policy computes is not seen here.
func (d *draft) regoReferences(e *crds.Entry, p *model.RegoPolicy, declared, shown map[string]bool) {
	told := map[string]bool{}
	for i, m := range p.Modules {
		for _, found := range regoAttribute.FindAllStringSubmatch(m.Source, -1) {
			name := found[1] + found[2]
			field := item("spec.modules", i) + ".source"
			switch {
			case told[name], shown[name]:
			case declared[name]:
				d.problem(e, model.Warning, model.CodeNotAllowed, field, "decide on it in an AuthorizationPolicy", "the attribute %s is redacted: no policy outside of the proxy gets it", name)
			default:
				d.problem(e, model.Warning, model.CodeBadExpression, field, "declare it in an AttributeSet", "no AttributeSet declares the attribute %s", name)
			}
			told[name] = true
		}
	}
}
