// Package proxyconfig turns what a live Envoy tells of its configuration into
// tables: in goes its admin page's /config_dump, out go rows that can be
// filtered. It shows no private key, and changes nothing.
package proxyconfig

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// Table is one kind of resources.
type Table struct {
	Columns []string
	Rows    []Row
}

// Row is one line. Several rows may show parts of one resource.
type Row struct {
	Cells    []string
	Resource object // as Envoy has it
	facts    facts
}

// facts are what rows are filtered by.
type facts struct {
	name      string
	hosts     []string
	ports     []string
	direction string // "inbound", "outbound", "gateway"
	subset    string
}

// Filter keeps the rows that are all it names; empty parts keep all.
type Filter struct {
	Name, FQDN, Port, Direction, Subset string
}

// Kinds are the tables by name, in the order in which requests meet them.
func Kinds() []string {
	return []string{"listeners", "routes", "clusters", "endpoints", "filters", "secrets"}
}

// Of makes the table of a kind.
func Of(kind string, d Dump) (Table, error) {
	switch kind {
	case "clusters":
		return clusters(d), nil
	case "listeners":
		return listeners(d), nil
	case "routes":
		return routes(d), nil
	case "endpoints":
		return endpoints(d), nil
	case "filters":
		return filters(d), nil
	case "secrets":
		return secrets(d), nil
	}
	return Table{}, fmt.Errorf("%q is no kind of configuration: use %s", kind, strings.Join(Kinds(), ", "))
}

// Where gives the rows that a filter keeps.
func (t Table) Where(f Filter) Table {
	out := Table{Columns: t.Columns}
	for _, r := range t.Rows {
		if f.keeps(r.facts) {
			out.Rows = append(out.Rows, r)
		}
	}
	return out
}

func (f Filter) keeps(have facts) bool {
	host := f.FQDN == "" || slices.ContainsFunc(have.hosts, func(h string) bool { return strings.EqualFold(h, f.FQDN) })
	return host && (f.Name == "" || f.Name == have.name) && (f.Port == "" || slices.Contains(have.ports, f.Port)) &&
		(f.Direction == "" || strings.EqualFold(f.Direction, have.direction)) && (f.Subset == "" || f.Subset == have.subset)
}

// Text writes the table for people.
func (t Table) Text(w io.Writer) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, strings.Join(t.Columns, "\t"))
	for _, r := range t.Rows {
		fmt.Fprintln(out, strings.Join(r.Cells, "\t"))
	}
	return out.Flush()
}

// Resources are those of the rows, each once.
func (t Table) Resources() []map[string]any {
	out, seen := []map[string]any{}, map[string]bool{}
	for _, r := range t.Rows {
		key, err := json.Marshal(r.Resource)
		if err == nil && !seen[string(key)] {
			seen[string(key)] = true
			out = append(out, r.Resource)
		}
	}
	return out
}

// sort orders rows by their cells.
func (t Table) sorted() Table {
	slices.SortStableFunc(t.Rows, func(a, b Row) int { return slices.Compare(a.Cells, b.Cells) })
	return t
}
