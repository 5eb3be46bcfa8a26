package policytest

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"

	"github.com/krater-mesh/krater/model"
)

// Report is what a run of tests came to.
type Report struct {
	Results  []Result   `json:"results"`
	Passed   int        `json:"passed"`
	Failed   int        `json:"failed"`
	Skipped  int        `json:"skipped,omitempty"`
	Coverage *Coverage  `json:"coverage,omitempty"`
	lines    []fileRows // of every run
}

// Coverage tells which lines of the policies the tests touched.
type Coverage struct {
	Percent float64       `json:"percent"`
	Files   []FileCovered `json:"files"`
	// Rules are the proxies' own rules of each lowered policy.
	Rules []RuleCovered `json:"rules,omitempty"`
}

// FileCovered is one module's coverage, by lines.
type FileCovered struct {
	File       string  `json:"file"`
	Percent    float64 `json:"percent"`
	Covered    []int   `json:"covered,omitempty"`
	NotCovered []int   `json:"notCovered,omitempty"`
}

// RuleCovered is one lowered rule, and how many cases it decided.
type RuleCovered struct {
	Policy  string        `json:"policy"`
	Rule    string        `json:"rule"`
	Verdict model.Verdict `json:"verdict"`
	Cases   int           `json:"cases"`
}

// fileRows are the lines of one module, true where a run touched them.
type fileRows struct {
	file string
	rows map[int]bool
}

func (r *Report) add(x Result) {
	r.Results = append(r.Results, x)
	switch {
	case x.Skipped:
		r.Skipped++
	case x.Passed:
		r.Passed++
	default:
		r.Failed++
	}
}

// Finish sorts the results, and sums up the coverage.
func (r *Report) Finish() {
	slices.SortStableFunc(r.Results, func(a, b Result) int { return strings.Compare(a.File, b.File) })
	if r.Coverage == nil {
		return
	}
	touched, all := 0, 0
	for _, f := range r.lines {
		one := FileCovered{File: f.file}
		for row, yes := range f.rows {
			if yes {
				one.Covered = append(one.Covered, row)
			} else {
				one.NotCovered = append(one.NotCovered, row)
			}
		}
		sort.Ints(one.Covered)
		sort.Ints(one.NotCovered)
		one.Percent = percent(len(one.Covered), len(f.rows))
		touched, all = touched+len(one.Covered), all+len(f.rows)
		r.Coverage.Files = append(r.Coverage.Files, one)
	}
	sort.Slice(r.Coverage.Files, func(i, j int) bool { return r.Coverage.Files[i].File < r.Coverage.Files[j].File })
	r.Coverage.Percent = percent(touched, all)
}

func percent(part, all int) float64 {
	if all == 0 {
		return 100
	}
	return 100 * float64(part) / float64(all)
}

// cover adds what the cases of one policy touched.
func (r *Report) cover(p model.RegoPolicy, covered *cover.Cover, hit map[string]int) {
	modules, err := parse(p.Modules)
	if err != nil { // it was compiled
		return
	}
	names := map[string]string{}
	for name := range modules {
		names[name] = p.Object.Key() + "/" + name
	}
	r.coverReport(covered.Report(modules), names)
	if p.Lowered == nil {
		return
	}
	for _, rule := range p.Lowered.Rules {
		r.Coverage.Rules = append(r.Coverage.Rules, RuleCovered{p.Object.String(), rule.Rule, rule.Verdict, hit[rule.Rule]})
	}
}

// coverModules adds what OPA's tests touched.
func (r *Report) coverModules(modules map[string]*ast.Module, covered *cover.Cover) {
	r.coverReport(covered.Report(modules), nil)
}

func (r *Report) coverReport(report cover.Report, names map[string]string) {
	if r.Coverage == nil {
		r.Coverage = &Coverage{}
	}
	for file, f := range report.Files {
		if strings.HasSuffix(file, "_test.rego") {
			continue
		}
		rows := r.rowsOf(cmp.Or(names[file], file))
		mark := func(ranges []cover.Range, touched bool) {
			for _, one := range ranges {
				for row := one.Start.Row; row <= one.End.Row; row++ {
					rows[row] = rows[row] || touched
				}
			}
		}
		mark(f.Covered, true)
		mark(f.NotCovered, false)
	}
}

func (r *Report) rowsOf(file string) map[int]bool {
	for _, f := range r.lines {
		if f.file == file {
			return f.rows
		}
	}
	r.lines = append(r.lines, fileRows{file, map[int]bool{}})
	return r.lines[len(r.lines)-1].rows
}

// Text writes the report for people: what failed, and why.
func (r *Report) Text(w io.Writer, all bool) error {
	var b strings.Builder
	for _, x := range r.Results {
		switch {
		case x.Skipped:
			fmt.Fprintf(&b, "- %s: %s (skipped)\n", x.File, x.Name)
		case !x.Passed:
			fmt.Fprintf(&b, "✗ %s: %s\n", x.File, x.Name)
			for _, why := range x.Why {
				fmt.Fprintf(&b, "    %s\n", why)
			}
		case all:
			fmt.Fprintf(&b, "✓ %s: %s%s\n", x.File, x.Name, decidedBy(x))
		}
	}
	fmt.Fprintf(&b, "%d passed, %d failed", r.Passed, r.Failed)
	if r.Skipped > 0 {
		fmt.Fprintf(&b, ", %d skipped", r.Skipped)
	}
	b.WriteString("\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func decidedBy(x Result) string {
	switch {
	case x.Placement == model.Native:
		return fmt.Sprintf(" (native, %s)", x.Rule)
	case x.Placement != "":
		return fmt.Sprintf(" (%s)", x.Placement)
	}
	return ""
}

// Text writes the coverage for people.
func (c *Coverage) Text(w io.Writer) error {
	var b strings.Builder
	for _, f := range c.Files {
		fmt.Fprintf(&b, "%6.1f%%  %s", f.Percent, f.File)
		if len(f.NotCovered) > 0 {
			fmt.Fprintf(&b, "  not touched: %s", spans(f.NotCovered))
		}
		b.WriteString("\n")
	}
	for _, x := range c.Rules {
		fmt.Fprintf(&b, "%s %s: rule %s (%s) decided %d cases\n", sign(x.Cases > 0), x.Policy, x.Rule, x.Verdict, x.Cases)
	}
	fmt.Fprintf(&b, "%6.1f%%  of all lines\n", c.Percent)
	_, err := io.WriteString(w, b.String())
	return err
}

func sign(ok bool) string {
	if ok {
		return "✓"
	}
	return "✗"
}

// spans writes line numbers, those in a row as a range.
func spans(rows []int) string {
	var out []string
	for i := 0; i < len(rows); {
		j := i
		for j+1 < len(rows) && rows[j+1] == rows[j]+1 {
			j++
		}
		if i == j {
			out = append(out, fmt.Sprint(rows[i]))
		} else {
			out = append(out, fmt.Sprintf("%d-%d", rows[i], rows[j]))
		}
		i = j + 1
	}
	return strings.Join(out, ", ")
}
