package main

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"

	"github.com/krater-mesh/krater/test/bench/figure"
)

const benchName = "revocation"

// The goals: an edit of one of many entries is in effect within so many
// milliseconds, and lowered again with so many of CPU.
const (
	effectGoal   = 2000
	loweringGoal = 100
)

// report is everything a run measured.
type report struct {
	options              options
	revocations, entries []timing
	lowering             []float64 // ms of CPU
	kills                int
	killed               []killed
}

func (r *report) figures() []figure.Figure {
	var out []figure.Figure
	add := func(f figure.Figure) { out = append(out, f) }
	for _, t := range r.revocations {
		add(figure.Of(benchName, t.name+".first.median", figure.Median(t.first), "ms"))
		add(figure.Of(benchName, t.name+".all.median", figure.Median(t.last), "ms"))
		add(figure.Of(benchName, t.name+".all.worst", slices.Max(t.last), "ms"))
	}
	for _, t := range r.entries {
		add(figure.Of(benchName, t.name+".effect.median", figure.Median(t.last), "ms").AtMost(effectGoal))
		add(figure.Of(benchName, t.name+".effect.worst", slices.Max(t.last), "ms"))
		for _, part := range edited {
			add(figure.Of(benchName, t.name+".cpu."+part, figure.Median(t.cpu[part]), "ms"))
		}
	}
	if len(r.lowering) > 0 {
		add(figure.Of(benchName, "many.lowering.cpu", figure.Median(r.lowering), "ms").AtMost(loweringGoal))
	}
	for _, k := range r.killed {
		f := figure.Of(benchName, "killed."+k.name+".failed", float64(k.requests-k.answers[http.StatusOK]), "requests")
		if k.name != "asked" {
			f = f.AtMost(0)
		}
		add(f)
		add(figure.Of(benchName, "killed."+k.name+".requests", float64(k.requests), "requests"))
		add(figure.Of(benchName, "killed."+k.name+".longest", k.longest.Seconds()*1000, "ms"))
	}
	return out
}

// table writes the report for people.
func (r *report) table(w io.Writer) error {
	fmt.Fprintln(w, "\nfrom the edit that takes a caller's right until he is refused, in ms")
	for _, t := range slices.Concat(r.revocations, r.entries) {
		fmt.Fprintf(w, "  %-7s first proxy %5.0f  all %5.0f  worst %5.0f  of %d; CPU: control plane %4.0f, policyd %4.0f (%s)\n", t.name,
			figure.Median(t.first), figure.Median(t.last), slices.Max(t.last), len(t.last), figure.Median(t.cpu["controlplane"]), figure.Median(t.cpu["policyd"]), t.says)
	}
	if len(r.lowering) > 0 {
		fmt.Fprintf(w, "\none of %d entries lowered again: %.0f ms of CPU (goal: %d)\n", r.options.entries, figure.Median(r.lowering), loweringGoal)
	}
	if r.kills > 0 {
		fmt.Fprintf(w, "\npolicyd killed %d times in %s\n", r.kills, r.options.kills)
	}
	for _, k := range r.killed {
		fmt.Fprintf(w, "  %-7s %6d requests, by status:", k.name, k.requests)
		for _, status := range slices.Sorted(maps.Keys(k.answers)) {
			fmt.Fprintf(w, " %d × %d", k.answers[status], status)
		}
		fmt.Fprintf(w, "; longest without a 200: %.0f ms, slowest answer: %.0f ms\n", k.longest.Seconds()*1000, k.slowest.Seconds()*1000)
	}
	_, err := fmt.Fprintln(w)
	return err
}
