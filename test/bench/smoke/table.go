package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"

	"github.com/krater-mesh/krater/test/bench/figure"
)

// table writes the report for people.
func (r *report) table(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, g := range r.groups {
		fmt.Fprintf(w, "\n%s: %s (idle: %.1f %% of a core)\n", g.name, g.says, g.idle.sum()*100)
		fmt.Fprintln(t, "CPU in µs a request\tenvoy\tapp\tpolicyd\tcollector\trest\ttotal\t± %\t÷ none\tenvoy ÷ none\trequests/s\tp50 ms\tp99 ms\t")
		base, compared := r.base(g)
		for _, row := range g.rows {
			fmt.Fprintf(t, "%s\t", row.name)
			for _, of := range roles {
				fmt.Fprintf(t, "%.0f\t", row.roles[of])
			}
			total, envoy := "", ""
			if compared {
				total = fmt.Sprintf("%.2f", row.total/base.total)
				envoy = fmt.Sprintf("%.2f", row.roles["envoy"]/base.roles["envoy"])
			}
			fmt.Fprintf(t, "%.0f\t%.0f\t%s\t%s\t%.0f\t%.2f\t%.2f\t\n", row.total, row.spread*100, total, envoy, row.perSecond, row.p50, row.p99)
		}
		if err := t.Flush(); err != nil {
			return err
		}
		if g.processes {
			if err := g.processTable(w); err != nil {
				return err
			}
		}
	}
	r.times(w)
	_, err := fmt.Fprintln(w)
	return err
}

// processTable shows each process of a group's rows.
func (g group) processTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\nprocess\tµs a request\t% of a core, idle\t")
	for _, row := range g.rows {
		for _, name := range slices.Sorted(maps.Keys(row.cpu)) {
			fmt.Fprintf(t, "%s\t%.0f\t%.1f\t\n", name, row.cpu[name], g.idle[name]*100)
		}
	}
	return t.Flush()
}

func (r *report) times(w io.Writer) {
	if len(r.restarts) > 0 {
		fmt.Fprintf(w, "\na killed Envoy with a Wasm module served again after %.1f s (median of %d; goal: %d s)\n",
			figure.Median(r.restarts), len(r.restarts), restartGoal)
	}
	if r.start > 0 {
		fmt.Fprintf(w, "\nbookinfo was synced %.1f s after krater's start (goal: %d s)\n", r.start, startGoal)
	}
	if len(r.edits) > 0 {
		fmt.Fprintln(w, "\nfrom a file's write to the first changed answer, in ms")
	}
	for _, e := range r.edits {
		fmt.Fprintf(w, "  %-8s median %4.0f  p90 %4.0f  of %d (%s)\n", e.name, figure.Median(e.took), figure.Quantile(e.took, 0.9), len(e.took), e.says)
	}
}
