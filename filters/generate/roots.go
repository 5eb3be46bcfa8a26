package generate

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"

	"github.com/krater-mesh/krater/filters/module"
)

// Describe finds the roots that a main package registers, as sdk.Root literals
// in its source, and the schemas of their configurations. find gives the folder
// of a package that it imports.
func Describe(dir string, find func(importPath string) (string, error)) (module.Description, error) {
	out := module.Description{SDK: "1"}
	fset := token.NewFileSet()
	entries, err := os.ReadDir(dir)
	if err != nil {
		return out, err
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, filepath.Join(dir, e.Name()), nil, parser.SkipObjectResolution)
		if err != nil {
			return out, err
		}
		p := newPkg()
		p.add(f)
		for _, literal := range p.rootLiterals(f) {
			root, err := p.root(literal, dir, find)
			if err != nil {
				return out, fmt.Errorf("%s: %w", fset.Position(literal.Pos()), err)
			}
			out.Roots = append(out.Roots, root)
		}
	}
	return out, nil
}

// rootLiterals are the composite literals of type sdk.Root, or within one of
// type []sdk.Root.
func (p *pkg) rootLiterals(f *ast.File) []*ast.CompositeLit {
	var out []*ast.CompositeLit
	ast.Inspect(f, func(n ast.Node) bool {
		lit, ok := n.(*ast.CompositeLit)
		if !ok {
			return true
		}
		if p.isRoot(lit.Type) {
			out = append(out, lit)
		}
		if list, ok := lit.Type.(*ast.ArrayType); ok && p.isRoot(list.Elt) {
			for _, e := range lit.Elts {
				if inner, ok := e.(*ast.CompositeLit); ok && inner.Type == nil {
					out = append(out, inner)
				}
			}
		}
		return true
	})
	return out
}

func (p *pkg) isRoot(e ast.Expr) bool {
	s, ok := e.(*ast.SelectorExpr)
	return ok && s.Sel.Name == "Root" && p.imports[ident(s.X)] == sdkPath
}

func (p *pkg) root(lit *ast.CompositeLit, dir string, find func(string) (string, error)) (module.Root, error) {
	r := module.Root{Type: module.HTTP}
	for _, e := range lit.Elts {
		field, ok := e.(*ast.KeyValueExpr)
		if !ok {
			return r, fmt.Errorf("an sdk.Root without the names of its fields cannot be described")
		}
		switch ident(field.Key) {
		case "ID":
			text, ok := field.Value.(*ast.BasicLit)
			if !ok {
				return r, fmt.Errorf("an sdk.Root whose ID is not written out cannot be described")
			}
			var err error
			if r.ID, err = unquote(text.Value); err != nil {
				return r, err
			}
		case "NewNetwork":
			r.Type = module.Network
			fallthrough
		case "New":
			from := dir
			if s, ok := field.Value.(*ast.SelectorExpr); ok {
				var err error
				if from, err = find(p.imports[ident(s.X)]); err != nil {
					return r, err
				}
			}
			if err := readSchema(from, &r); err != nil {
				return r, err
			}
		}
	}
	return r, nil
}

// readSchema finds a filter's schema in its folder, or in that of its
// configuration. A filter without a Config has none.
func readSchema(dir string, r *module.Root) error {
	for _, file := range []string{filepath.Join(dir, SchemaFile), filepath.Join(dir, "config", SchemaFile)} {
		text, err := os.ReadFile(file)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return err
		}
		if !json.Valid(text) {
			return fmt.Errorf("%s is not JSON", file)
		}
		r.Schema = text
		return nil
	}
	return nil
}

// HasConfig tells whether a folder's package has a type Config.
func HasConfig(dir string) bool {
	files, _ := filepath.Glob(filepath.Join(dir, "*.go"))
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil || strings.HasSuffix(name, "_test.go") {
			continue
		}
		p := newPkg()
		if p.add(f); p.types[root] != nil {
			return true
		}
	}
	return false
}
