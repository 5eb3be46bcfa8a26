package generate

import (
	"go/ast"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// sdkPath is the package whose types configurations use.
const sdkPath = "github.com/krater-mesh/krater/filters/sdk"

func unquote(literal string) (string, error) { return strconv.Unquote(literal) }

// structOf reads a struct type. within are the names of those around it.
func (p *pkg) structOf(name string, body *ast.StructType, within []string) (*structs, error) {
	if slices.Contains(within, name) {
		return nil, p.errorf(body, "%s contains itself: a configuration has an end", name)
	}
	if len(within) == maxNested {
		return nil, p.errorf(body, "more than %d structs within each other", maxNested)
	}
	if s := p.known[name]; s != nil {
		return s, nil
	}
	s := &structs{name: name, doc: p.docs[name]}
	p.structs = append(p.structs, s)
	for _, f := range body.Fields.List {
		if len(f.Names) == 0 {
			return nil, p.errorf(f, "%s embeds a type: give its field a name", name)
		}
		for _, n := range f.Names {
			if !n.IsExported() {
				continue
			}
			read, err := p.field(n, f, append(slices.Clone(within), name))
			if err != nil {
				return nil, err
			}
			if read == nil {
				continue
			}
			if slices.ContainsFunc(s.fields, func(other fieldOf) bool { return other.name == read.name }) {
				return nil, p.errorf(f, "%s has two fields named %q", name, read.name)
			}
			s.fields = append(s.fields, *read)
		}
	}
	p.known[name] = s
	return s, nil
}

// field reads one; nil: it is left out of JSON.
func (p *pkg) field(n *ast.Ident, f *ast.Field, within []string) (*fieldOf, error) {
	var tag reflect.StructTag
	if f.Tag != nil {
		text, err := unquote(f.Tag.Value)
		if err != nil {
			return nil, p.errorf(f, "its tag cannot be read")
		}
		tag = reflect.StructTag(text)
	}
	name, _, _ := strings.Cut(tag.Get("json"), ",")
	switch name {
	case "-":
		return nil, nil
	case "":
		return nil, p.errorf(f, "%s has no json tag: `json:\"%s\"`", n.Name, lowerFirst(n.Name))
	}
	shape, err := p.shapeOf(f.Type, within)
	if err != nil {
		return nil, err
	}
	out := &fieldOf{goName: n.Name, name: name, doc: prose(f.Doc, f.Comment), shape: shape}
	if err := p.apply(f, tag.Get("filter"), shape, out); err != nil {
		return nil, err
	}
	return out, nil
}

func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }

// basic are the types that need no declaration.
var basic = map[string]kind{"string": text, "bool": boolean, "int": integer, "int32": integer, "int64": integer, "uint32": integer, "float64": float}

// named are the types of other packages.
var named = map[string]kind{"time.Duration": duration, sdkPath + ".Secret": secret, sdkPath + ".Raw": raw}

func (p *pkg) shapeOf(e ast.Expr, within []string) (*shape, error) {
	switch e := e.(type) {
	case *ast.Ident:
		return p.identShape(e, within)
	case *ast.SelectorExpr:
		x := ident(e.X)
		if k, ok := named[p.imports[x]+"."+e.Sel.Name]; ok {
			return &shape{kind: k, goName: x + "." + e.Sel.Name}, nil
		}
		return nil, p.errorf(e, "%s.%s cannot be part of a configuration: only time.Duration, sdk.Secret and sdk.Raw of other packages can", x, e.Sel.Name)
	case *ast.StarExpr:
		item, err := p.shapeOf(e.X, within)
		if err != nil {
			return nil, err
		}
		if item.kind == pointer || item.kind == list || item.kind == mapping {
			return nil, p.errorf(e, "a pointer to a pointer, list or map: nil says it already")
		}
		return &shape{kind: pointer, goName: "*" + item.goName, item: item}, nil
	case *ast.ArrayType:
		if e.Len != nil {
			return nil, p.errorf(e, "an array: use a slice, with minItems and maxItems")
		}
		item, err := p.itemShape(e, e.Elt, within)
		if err != nil {
			return nil, err
		}
		return &shape{kind: list, goName: "[]" + item.goName, item: item}, nil
	case *ast.MapType:
		key, err := p.shapeOf(e.Key, within)
		if err != nil {
			return nil, err
		}
		if key.kind != text {
			return nil, p.errorf(e, "a map's names are strings")
		}
		item, err := p.itemShape(e, e.Value, within)
		if err != nil {
			return nil, err
		}
		return &shape{kind: mapping, goName: "map[" + key.goName + "]" + item.goName, item: item, key: key}, nil
	}
	return nil, p.errorf(e, "a type that cannot be part of a configuration")
}

func (p *pkg) itemShape(at ast.Node, e ast.Expr, within []string) (*shape, error) {
	item, err := p.shapeOf(e, within)
	if err == nil && item.kind == pointer {
		return nil, p.errorf(at, "a list or map of pointers: an item is always there")
	}
	return item, err
}

func (p *pkg) identShape(e *ast.Ident, within []string) (*shape, error) {
	if k, ok := basic[e.Name]; ok {
		return &shape{kind: k, goName: e.Name, base: e.Name}, nil
	}
	spec := p.types[e.Name]
	if spec == nil {
		return nil, p.errorf(e, "%s is no type that a configuration can have", e.Name)
	}
	if body, ok := spec.Type.(*ast.StructType); ok {
		of, err := p.structOf(e.Name, body, within)
		return &shape{kind: object, goName: e.Name, of: of}, err
	}
	under, err := p.shapeOf(spec.Type, within)
	if err != nil {
		return nil, err
	}
	if under.kind > float {
		return nil, p.errorf(e, "%s: only structs and plain values have types of their own here", e.Name)
	}
	out := *under
	out.goName = e.Name
	if values := p.constants[e.Name]; out.kind == text && len(values) > 0 {
		out.rules.enum = values
	}
	return &out, p.apply(spec, p.rulesOf[e.Name], &out, nil)
}
