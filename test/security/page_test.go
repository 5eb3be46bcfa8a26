// Package security_test holds docs/security.md to the tests that it names, and
// looks for secrets where none may be.
package security_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/test/harness"
)

// row is one claim of the page, with what shows it.
type row struct {
	line  int
	claim string
	shown string
}

// rows are those of the tables whose last column says what shows a claim.
func rows(t *testing.T, column string) []row {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(harness.Root(), "docs/security.md"))
	if err != nil {
		t.Fatal(err)
	}
	var out []row
	in := false
	for i, line := range strings.Split(string(text), "\n") {
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		switch last := strings.TrimSpace(cells[len(cells)-1]); {
		case !strings.HasPrefix(line, "|"):
			in = false
		case last == column:
			in = true
		case in && !strings.HasPrefix(line, "|---"):
			out = append(out, row{i + 1, cells[0], last})
		}
	}
	return out
}

// named is "`TestX` in `FOLDER`", or "`TestX/case` in `FOLDER`".
var named = regexp.MustCompile("^`((?:Test|Fuzz)\\w+)(?:/([^`]+))?` in `([\\w/-]+)`$")

// TestEveryClaimIsShown: each claim names a test, and each test is there.
func TestEveryClaimIsShown(t *testing.T) {
	claims := append(rows(t, "shown by"), rows(t, "fuzzed by")...)
	if len(claims) < 40 {
		t.Errorf("%d claims: are the tables read rightly?", len(claims))
	}
	for _, c := range claims {
		for _, text := range strings.Split(c.shown, "; ") {
			m := named.FindStringSubmatch(text)
			if m == nil {
				t.Errorf("docs/security.md:%d: %q: want `TestX` in `FOLDER`, got %q", c.line, c.claim, text)
			} else if !exists(m[3], m[1], m[2]) {
				t.Errorf("docs/security.md:%d: %q: there is no %s", c.line, c.claim, text)
			}
		}
	}
}

// exists tells whether a folder has a test; a case of it is a file of its
// testdata, or words of the test's source.
func exists(folder, test, one string) bool {
	sources, _ := filepath.Glob(filepath.Join(harness.Root(), folder, "*_test.go"))
	found, case1 := false, one == ""
	for _, file := range sources {
		text, err := os.ReadFile(file)
		found = found || err == nil && strings.Contains(string(text), "\nfunc "+test+"(")
		case1 = case1 || strings.Contains(string(text), one)
	}
	if !case1 {
		data, _ := filepath.Glob(filepath.Join(harness.Root(), folder, "testdata", one+".*"))
		scripts, _ := filepath.Glob(filepath.Join(harness.Root(), folder, "testdata", "*", one+".*"))
		case1 = len(data)+len(scripts) > 0
	}
	return found && case1
}

// fuzzFunction is one in a source.
var fuzzFunction = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`)

// TestEveryFuzzerIsListed: what the authority and the agents parse is fuzzed
// by a target of the page, and the page has each target.
func TestEveryFuzzerIsListed(t *testing.T) {
	listed := map[string]bool{}
	for _, r := range rows(t, "fuzzed by") {
		for _, text := range strings.Split(r.shown, "; ") {
			listed[text] = true
		}
	}
	for _, folder := range []string{"identity", "agent", "cmd", "listen"} {
		err := filepath.WalkDir(filepath.Join(harness.Root(), folder), func(path string, _ os.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, m := range fuzzFunction.FindAllSubmatch(text, -1) {
				in, _ := filepath.Rel(harness.Root(), filepath.Dir(path))
				if target := "`" + string(m[1]) + "` in `" + in + "`"; !listed[target] {
					t.Errorf("docs/security.md does not list %s", target)
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
