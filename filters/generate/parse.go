package generate

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
)

// root is the type that is read.
const root = "Config"

// maxNested structs within each other: less than the decoder's own depth.
const maxNested = 12

// pkg is a package, as far as its Config reaches.
type pkg struct {
	name        string
	fset        *token.FileSet
	types       map[string]*ast.TypeSpec
	docs        map[string]string
	rulesOf     map[string]string   // //filter: lines of named types
	constants   map[string][]string // texts, by their named type
	imports     map[string]string   // path, by the name in the source
	hasValidate bool
	structs     []*structs // in order of first use
	known       map[string]*structs
}

func newPkg() *pkg {
	return &pkg{fset: token.NewFileSet(), types: map[string]*ast.TypeSpec{}, docs: map[string]string{}, rulesOf: map[string]string{},
		constants: map[string][]string{}, imports: map[string]string{}, known: map[string]*structs{}}
}

// parse reads the package of a folder, less its tests and what is generated.
func parse(dir string) (*pkg, error) {
	p := newPkg()
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") || e.Name() == DecoderFile {
			continue
		}
		f, err := parser.ParseFile(p.fset, filepath.Join(dir, e.Name()), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		p.add(f)
	}
	spec := p.types[root]
	if spec == nil {
		return nil, errors.New("there is no type Config")
	}
	body, ok := spec.Type.(*ast.StructType)
	if !ok {
		return nil, p.errorf(spec, "Config is no struct")
	}
	_, err = p.structOf(root, body, nil)
	return p, err
}

func (p *pkg) add(f *ast.File) {
	p.name = f.Name.Name
	for _, i := range f.Imports {
		path := strings.Trim(i.Path.Value, `"`)
		name := path[strings.LastIndex(path, "/")+1:]
		if i.Name != nil {
			name = i.Name.Name
		}
		p.imports[name] = path
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.Name == "Validate" && d.Recv != nil && len(d.Recv.List) == 1 && ident(d.Recv.List[0].Type) == root {
				p.hasValidate = true
			}
		case *ast.GenDecl:
			p.addTypes(d)
			p.addConstants(d)
		}
	}
}

func (p *pkg) addTypes(d *ast.GenDecl) {
	for _, s := range d.Specs {
		spec, ok := s.(*ast.TypeSpec)
		if !ok {
			continue
		}
		p.types[spec.Name.Name] = spec
		doc := spec.Doc
		if doc == nil {
			doc = d.Doc
		}
		p.docs[spec.Name.Name] = prose(doc, spec.Comment)
		if doc == nil {
			continue
		}
		for _, line := range doc.List {
			if tag, ok := strings.CutPrefix(line.Text, "//filter:"); ok {
				p.rulesOf[spec.Name.Name] = strings.TrimSpace(tag)
			}
		}
	}
}

// addConstants notes what texts a named type's constants have: they are its
// enum.
func (p *pkg) addConstants(d *ast.GenDecl) {
	if d.Tok != token.CONST {
		return
	}
	for _, s := range d.Specs {
		spec := s.(*ast.ValueSpec)
		for _, v := range spec.Values {
			if lit, ok := v.(*ast.BasicLit); ok && lit.Kind == token.STRING && spec.Type != nil {
				if value, err := unquote(lit.Value); err == nil {
					p.constants[ident(spec.Type)] = append(p.constants[ident(spec.Type)], value)
				}
			}
		}
	}
}

// prose is a comment as one text: lines of a paragraph are joined.
func prose(groups ...*ast.CommentGroup) string {
	for _, g := range groups {
		if s := strings.TrimSpace(g.Text()); s != "" {
			paragraphs := strings.Split(s, "\n\n")
			for i, p := range paragraphs {
				paragraphs[i] = strings.Join(strings.Fields(p), " ")
			}
			return strings.Join(paragraphs, "\n\n")
		}
	}
	return ""
}

// ident is the name of a type, or of what a pointer to one points at.
func ident(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return ident(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

func (p *pkg) errorf(at ast.Node, format string, args ...any) error {
	position := p.fset.Position(at.Pos())
	return fmt.Errorf("%s:%d: %s", filepath.Base(position.Filename), position.Line, fmt.Sprintf(format, args...))
}
