package compatibility_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

const pageFile = "../../docs/compatibility.md"

// row is one of a table: what is hand-written of it.
type row struct {
	path, state, shown string
}

// page is docs/compatibility.md: prose, and a table under each kind's heading.
type page struct {
	lines []string
	rows  map[string][]row // by kind
}

func readPage(t *testing.T) page {
	t.Helper()
	data, err := os.ReadFile(pageFile)
	if err != nil {
		t.Fatal(err)
	}
	p := page{lines: strings.Split(string(data), "\n"), rows: map[string][]row{}}
	kind := ""
	for _, line := range p.lines {
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			kind = heading
		}
		if r, ok := parseRow(line); ok {
			p.rows[kind] = append(p.rows[kind], r)
		}
	}
	return p
}

func parseRow(line string) (row, bool) {
	cells := strings.Split(strings.Trim(line, "| "), " | ")
	if !strings.HasPrefix(line, "| `") || len(cells) != 3 {
		return row{}, false
	}
	return row{strings.Trim(cells[0], "`"), strings.TrimSpace(cells[1]), strings.TrimSpace(cells[2])}, true
}

// write puts tables in the place of the old ones, or at the page's end.
func (p page) write(t *testing.T, tables map[string][]row) {
	t.Helper()
	var out []string
	written := map[string]bool{}
	table := func(kind string) {
		out = append(out, "| field | state | shown by, or why |", "|---|---|---|")
		for _, r := range tables[kind] {
			out = append(out, fmt.Sprintf("| `%s` | %s | %s |", r.path, r.state, r.shown))
		}
		written[kind] = true
	}
	kind := ""
	for _, line := range p.lines {
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			kind = heading
		}
		if !strings.HasPrefix(line, "|") || tables[kind] == nil {
			out = append(out, line)
		} else if !written[kind] {
			table(kind)
		}
	}
	for _, s := range sections() {
		if !written[s.kind] {
			out = append(out, "## "+s.kind, "")
			table(s.kind)
			out = append(out, "")
		}
	}
	text := strings.TrimRight(strings.Join(out, "\n"), "\n") + "\n"
	if err := os.WriteFile(pageFile, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
