package compatibility_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/model"
)

var update = flag.Bool("update", false, "write docs/compatibility.md's tables anew; what is written by hand stays")

const (
	works         = "works"
	notApplicable = "not applicable"
)

var problemState = regexp.MustCompile(`^Problem ((?:KR|IST)\d{4})$`)

// TestEveryFieldHasARow: the page and Istio's types name the same fields.
func TestEveryFieldHasARow(t *testing.T) {
	p := readPage(t)
	if *update {
		p.write(t, anew(t, p))
		p = readPage(t)
	}
	for _, s := range sections() {
		rows := map[string]int{}
		for _, r := range p.rows[s.kind] {
			rows[r.path]++
		}
		for _, f := range s.fields() {
			if rows[f.path] != 1 {
				t.Errorf("%s %s has %d rows (-update adds what is missing)", s.kind, f.path, rows[f.path])
			}
			delete(rows, f.path)
		}
		for path := range rows {
			t.Errorf("%s has no field %s (-update takes its row out)", s.kind, path)
		}
	}
}

// anew is the tables with a row a field. A row stays as it is, unless it says
// "works" of what is refused; those without a test are given the case that
// says most.
func anew(t *testing.T, p page) map[string][]row {
	t.Helper()
	all := cases(t)
	out := map[string][]row{}
	for _, s := range sections() {
		old := map[string]row{}
		for _, r := range p.rows[s.kind] {
			old[r.path] = r
		}
		for _, f := range s.fields() {
			r := row{path: f.path, state: old[f.path].state, shown: old[f.path].shown}
			if state, shown := s.guess(t, f); r.state == "" || r.state == works && state != works {
				r.state, r.shown = state, shown
			}
			if e := best(all, s.kind, f); r.state == works && strings.HasPrefix(r.shown, "?") && e != nil {
				r.shown = e.name
			}
			out[s.kind] = append(out[s.kind], r)
		}
	}
	return out
}

// guess is a row's state by what crds says of the field.
func (s section) guess(t *testing.T, f field) (state, why string) {
	for _, p := range s.convert(t, f.path, sample(f.desc)) {
		one := model.Problems{p}
		if p.Code == model.CodeNotSupported && (found(one, s, f.path, p.Code) || above(one, s, f.path, p.Code) && s.kind != "Gateway") {
			return "Problem " + p.Code, p.Message
		}
	}
	return works, "?"
}

// TestEveryRowIsShown: what "works" names a traffic case that sets the field,
// or a test that there is.
func TestEveryRowIsShown(t *testing.T) {
	byName := map[string]evidence{}
	for _, e := range cases(t) {
		byName[e.name] = e
	}
	p := readPage(t)
	for _, s := range sections() {
		fields := map[string]field{}
		for _, f := range s.fields() {
			fields[f.path] = f
		}
		for _, r := range p.rows[s.kind] {
			switch {
			case r.state == works:
				name, _, _ := strings.Cut(r.shown, "; ") // the rest is prose
				if e, ok := byName[name]; ok {
					if !e.shows(s.kind, fields[r.path]) {
						t.Errorf("%s %s: the case %q does not set it", s.kind, r.path, name)
					}
				} else if !testExists(name) {
					t.Errorf("%s %s: there is no test or case %q", s.kind, r.path, name)
				}
			case r.state != notApplicable && !problemState.MatchString(r.state):
				t.Errorf("%s %s: the state is %q; want %q, %q or a Problem's code", s.kind, r.path, r.state, works, notApplicable)
			case r.shown == "" || strings.HasPrefix(r.shown, "?"):
				t.Errorf("%s %s: it does not say why", s.kind, r.path)
			}
		}
	}
}

// testNamed is "TestX in FOLDER", or "TestX/case in FOLDER" where case is a file
// of the folder's testdata, or words of the test's source.
var testNamed = regexp.MustCompile("^`(Test\\w+)(?:/([^`]+))?` in `([\\w/]+)`$")

func testExists(text string) bool {
	m := testNamed.FindStringSubmatch(text)
	if m == nil {
		return false
	}
	sources, _ := filepath.Glob(filepath.Join("../..", m[3], "*_test.go"))
	test, sub := false, m[2] == ""
	for _, file := range sources {
		data, err := os.ReadFile(file)
		test = test || err == nil && strings.Contains(string(data), "func "+m[1]+"(")
		sub = sub || strings.Contains(string(data), m[2])
	}
	if !sub {
		data, _ := filepath.Glob(filepath.Join("../..", m[3], "testdata", m[2]+"*"))
		sub = len(data) > 0
	}
	return test && sub
}
