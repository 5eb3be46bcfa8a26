package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/krater-mesh/krater/test/bench/figure"
)

const (
	benchName = "xds"
	megabyte  = 1e6
)

// goals are for the first size, on two cores.
const (
	memoryGoal = 250 // MB
	growthGoal = 1.0 // times what is linear in services plus proxies
)

// report is everything a run measured.
type report struct {
	sizes []measured
	ended string // why no larger size was measured
}

func (r *report) table(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for i, m := range r.sizes {
		fmt.Fprintf(w, "\n%d services of %d endpoints, %d proxies in %d namespaces: served after %.2f s, all proxies had all %.2f s later\n",
			m.services, endpointsOfService, m.proxies, m.namespaces(), m.start, m.synced)
		fmt.Fprintf(w, "control plane: %.1f CPU seconds in all, %.0f MB at most, %.2f MB a proxy; %.0f kB to a proxy at first\n",
			m.cpu, float64(m.peak)/megabyte, m.perProxy()/megabyte, m.first/1000)
		fmt.Fprintln(t, "edit\tmedian ms\tp99 ms\tgoal\tbytes a proxy\tgoal\t÷ linear\tCPU ms an edit\t÷ linear\t")
		for k, e := range m.edits {
			goal, bytes := "", ""
			if i == 0 {
				goal, bytes = fmt.Sprint(e.goal), fmt.Sprint(e.edit.bytes)
			}
			fmt.Fprintf(t, "%s\t%.1f\t%.1f\t%s\t%.0f\t%s\t%.2f\t%.1f\t%.2f\t\n", e.name, figure.Median(e.took), figure.Quantile(e.took, 0.99), goal,
				figure.Median(e.bytes), bytes, r.growth(i, k, median), e.cpu, r.growth(i, k, cpu))
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	if r.ended != "" {
		fmt.Fprintf(w, "\nno larger size: %s\n", r.ended)
	}
	return nil
}

func median(t timing) float64 { return figure.Median(t.took) }

func cpu(t timing) float64 { return t.cpu }

// growth is how an edit's cost grew from the first size to the i-th, as a
// multiple of how services plus proxies grew; 1 for the first.
func (r *report) growth(i, edit int, of func(timing) float64) float64 {
	first, m := r.sizes[0], r.sizes[i]
	linear := float64(m.services+m.proxies) / float64(first.services+first.proxies)
	return of(m.edits[edit]) / of(first.edits[edit]) / linear
}

func (r *report) figures() []figure.Figure {
	var out []figure.Figure
	for i, m := range r.sizes {
		add := func(name string, value float64, unit string, goal float64) {
			f := figure.Of(benchName, m.size.String()+"."+name, value, unit)
			if goal > 0 {
				f = f.AtMost(goal)
			}
			out = append(out, f)
		}
		first := func(goal float64) float64 {
			if i == 0 {
				return goal
			}
			return 0
		}
		for k, e := range m.edits {
			add(e.name+".median", figure.Median(e.took), "ms", first(e.goal))
			add(e.name+".p99", figure.Quantile(e.took, 0.99), "ms", 0)
			add(e.name+".bytes", figure.Median(e.bytes), "bytes/proxy", first(e.edit.bytes))
			add(e.name+".cpu", e.cpu, "ms/edit", 0)
			if i > 0 {
				add(e.name+".growth", r.growth(i, k, median), "ratio", growthGoal)
				add(e.name+".cpu.growth", r.growth(i, k, cpu), "ratio", growthGoal)
			}
		}
		add("start", m.start, "s", 0)
		add("synced", m.synced, "s", 0)
		add("first.bytes", m.first, "bytes/proxy", 0)
		add("cpu", m.cpu, "s", 0)
		add("memory", float64(m.peak)/megabyte, "MB", first(memoryGoal))
		add("memory.proxy", m.perProxy()/megabyte, "MB/proxy", 0)
	}
	return out
}
