package lower

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/model"
)

var update = flag.Bool("update", false, "write docs/lowering.md")

const page = "../../docs/lowering.md"

const begin, end = "<!-- generated: go test ./policyd/lower -update -->\n", "<!-- end -->"

// helpers are what the table's examples call.
const helpers = `
short(v) if startswith(v, "a")
level := 1 if { x == "a" } else := 2 if { x == "b" } else := 3
deny contains "no" if x == "a"
deny contains msg if { not x; msg := "none" }
table[k] := v if some k, v in {"a": 1, "b": 2}
named.a if http.method == "GET"
named.b if http.method == "PUT"
`

// TestManual: the page's tables are what lowering makes of the examples.
func TestManual(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("docs/lowering.md has no place for the tables")
	}
	want := before + begin + "\n" + Table(try(t)) + "\n" + end + after
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(text) {
		t.Error("docs/lowering.md is not what lowering does: run go test ./policyd/lower -update")
	}
}

func try(t *testing.T) func(construct) (place, why string) {
	return func(c construct) (place, why string) {
		p := policy(rules(c.Example)+helpers, `{"users": {"a": {"role": "admin"}}, "people": [{"name": "a"}], "list": ["a", "b"]}`)
		p.MaxBody = 1024
		l := Policy(p, nil)
		switch {
		case l == nil:
			t.Fatalf("%s does not compile", c.Example)
		case l.Whole():
			return "native", guardsOf(l)
		case len(l.Stops) == 0:
			return "the daemon", ""
		}
		return "the daemon", l.Stops[0].Why
	}
}

// guardsOf says whether some requests are asked about all the same.
func guardsOf(l *model.Lowered) string {
	for _, r := range l.Rules {
		if r.Rule == "guard" {
			return "but for requests that are written in a strange way"
		}
	}
	return ""
}
