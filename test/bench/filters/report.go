package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/krater-mesh/krater/test/bench/figure"
)

const benchName = "filters"

// The goals.
const (
	headerGoal  = 1.1 // our header filter's addition ÷ the empty bare one's
	fourGoal    = 2.0 // four fused built-ins' ÷ the same
	builtinGoal = 3.0 // MB of the built-in module
	newGoal     = 2.8 // MB of a new filter
	watchGoal   = 1.0 // what the watch around a filter adds ÷ the empty bare one's
)

func table(w io.Writer, o options, list []*subject) error {
	base := list[0].median()
	fmt.Fprintf(w, "\n%d requests a load over %d connections, %d loads of each, one worker; the median of Envoy's CPU\n", o.requests, o.connections, o.rounds)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "filter\tµs a request\tadds\tspread\tp50 ms\tmemory MB\ta further worker MB\tmodule MB\tload s\t")
	for _, s := range list {
		spread := (figure.Quantile(s.cpu, 1) - figure.Quantile(s.cpu, 0)) / s.median() * 100
		fmt.Fprintf(t, "%s\t%.1f\t%.1f\t%.0f %%\t%.2f\t%.0f\t%.1f\t%.2f\t%.2f\t\n", s.text, s.median(), s.median()-base, spread,
			figure.Median(s.p50), mega(s.memory), mega(s.worker), mega(s.size), s.loaded.Seconds())
	}
	return t.Flush()
}

func figures(list []*subject) []figure.Figure {
	var out []figure.Figure
	by := map[string]*subject{}
	for _, s := range list {
		by[s.name] = s
		out = append(out, figure.Of(benchName, s.name+".cpu", s.median(), "us/request"), figure.Of(benchName, s.name+".memory", mega(s.memory), "MB"),
			figure.Of(benchName, s.name+".worker", mega(s.worker), "MB"))
		if s.size > 0 {
			out = append(out, figure.Of(benchName, s.name+".load", s.loaded.Seconds(), "s"))
		}
	}
	// Rounds are compared with themselves: what else the machine does falls on
	// all subjects of a round.
	added := func(name, to string) float64 {
		var ratios []float64
		for i := range by[name].cpu {
			ratios = append(ratios, (by[name].cpu[i]-by[to].cpu[i])/(by[bare].cpu[i]-by[none].cpu[i]))
		}
		return figure.Median(ratios)
	}
	return append(out,
		figure.Of(benchName, "header.added", added(ours, none), "ratio").AtMost(headerGoal),
		figure.Of(benchName, "builtin1.added", added(built1, none), "ratio"),
		figure.Of(benchName, "builtin2.added", added(built2, none), "ratio"),
		figure.Of(benchName, "builtin4.added", added(built4, none), "ratio").AtMost(fourGoal),
		figure.Of(benchName, "watch.added", added(watch, ours), "ratio").AtMost(watchGoal),
		figure.Of(benchName, "builtin.size", mega(by[built1].size), "MB").AtMost(builtinGoal),
		figure.Of(benchName, "new.size", mega(by[ours].size), "MB").AtMost(newGoal),
	)
}

func mega(bytes int64) float64 { return float64(bytes) / 1e6 }
