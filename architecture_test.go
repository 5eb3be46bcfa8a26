package krater_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/krater-mesh/krater/"

// budget is the most lines a hand-written file may have.
const budget = 600

type source struct {
	file    string // slash-separated, from the root
	folder  string // its first element
	pkg     string // its folder path
	imports []string
	doc     *ast.CommentGroup
	lines   int
	test    bool
}

// TestImports holds every file against the import table of ARCHITECTURE.md.
func TestImports(t *testing.T) {
	allowed := table(t, "| folder | may import, of ours |")
	homes := table(t, "| library | only under |")
	for _, s := range sources(t) {
		if s.test || s.folder == "." {
			continue
		}
		may, ok := allowed[s.folder]
		if !ok {
			t.Errorf("%s: the folder %s is not in ARCHITECTURE.md's import table: add it, with what it may import", s.file, s.folder)
			continue
		}
		for _, imp := range s.imports {
			for library, under := range homes {
				if (imp == library || strings.HasPrefix(imp, library+"/")) && !slices.Contains(under, s.folder) {
					t.Errorf("%s imports %s: only %s may; move the code there, or ask it through an interface that cmd wires", s.file, imp, strings.Join(under, ", "))
				}
			}
			ours, isOurs := strings.CutPrefix(imp, module)
			if !isOurs {
				if s.folder == "model" && strings.Contains(strings.Split(imp, "/")[0], ".") {
					t.Errorf("%s imports %s: model knows the standard library only", s.file, imp)
				}
				continue
			}
			if first(ours) != s.folder && !permits(may, ours) {
				t.Errorf("%s imports %s: %s may import %s; meet in model, and wire in cmd", s.file, ours, s.folder, strings.Join(may, ", "))
			}
		}
	}
}

// TestPackageComments wants a comment of at most five lines for each package.
func TestPackageComments(t *testing.T) {
	documented := map[string]bool{}
	seen := map[string]string{}
	for _, s := range sources(t) {
		if s.test || s.folder == "." {
			continue
		}
		seen[s.pkg] = s.file
		if s.doc == nil {
			continue
		}
		documented[s.pkg] = true
		if n := strings.Count(strings.TrimSpace(s.doc.Text()), "\n") + 1; n > 5 {
			t.Errorf("%s: the package comment has %d lines: say in at most 5 what comes in, what goes out, what it refuses", s.file, n)
		}
	}
	for pkg, file := range seen {
		if !documented[pkg] {
			t.Errorf("%s: package %s has no comment: say what it turns into what", file, pkg)
		}
	}
}

// TestFileBudget keeps files small.
func TestFileBudget(t *testing.T) {
	for _, s := range sources(t) {
		if s.lines > budget {
			t.Errorf("%s has %d lines, the budget is %d: split it by its nouns", s.file, s.lines, budget)
		}
	}
}

// TestNoBags refuses folders whose names say nothing.
func TestNoBags(t *testing.T) {
	for _, s := range sources(t) {
		for _, part := range strings.Split(s.pkg, "/") {
			switch part {
			case "pkg", "util", "utils", "common", "helpers", "misc":
				t.Errorf("%s: a folder named %q says nothing: name it by what it holds", s.file, part)
			}
		}
	}
}

func permits(may []string, ours string) bool {
	for _, m := range may {
		if m == "anything" {
			return !slices.Contains([]string{"cmd", "samples", "test"}, first(ours))
		}
		if ok, _ := path.Match(m, ours); ok || strings.HasPrefix(ours, m+"/") {
			return true
		}
	}
	return false
}

// table reads a two-column table of ARCHITECTURE.md: first column → list of the second.
func table(t *testing.T, header string) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), header+"\n")
	if !ok {
		t.Fatalf("ARCHITECTURE.md has no table %q", header)
	}
	rows := map[string][]string{}
	for i, line := range strings.Split(rest, "\n") {
		if !strings.HasPrefix(line, "|") {
			break
		}
		if i == 0 {
			continue // the rule under the header
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for _, c := range strings.Split(cells[1], ",") {
			rows[strings.TrimSpace(cells[0])] = append(rows[strings.TrimSpace(cells[0])], strings.TrimSpace(c))
		}
	}
	if len(rows) == 0 {
		t.Fatalf("the table %q of ARCHITECTURE.md is empty", header)
	}
	return rows
}

func sources(t *testing.T) []source {
	t.Helper()
	var out []source
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && file != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "bin" || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(file, ".go") {
			return nil
		}
		s, err := read(filepath.ToSlash(file))
		out = append(out, s)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func read(file string) (source, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return source{}, err
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), file, text, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		return source{}, err
	}
	s := source{
		file: file, folder: first(path.Dir(file)), pkg: path.Dir(file), doc: parsed.Doc,
		lines: strings.Count(string(text), "\n"), test: strings.HasSuffix(file, "_test.go"),
	}
	for _, i := range parsed.Imports {
		p, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			return source{}, err
		}
		s.imports = append(s.imports, p)
	}
	return s, nil
}

func first(p string) string {
	head, _, _ := strings.Cut(p, "/")
	return head
}
