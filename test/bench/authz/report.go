package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/krater-mesh/krater/test/bench/figure"
	"github.com/krater-mesh/krater/test/bench/load"
)

// report is what a run came to.
type report []group

type group struct {
	name string
	list []*subject
}

// goals are the most CPU per request beside the subject's base.
var goals = map[string]float64{lowered: 1.25, cached: 2, asked: 4.5, "n10000": 1.1, "mix10000": 1.5}

// decisionGoal is the most CPU that policyd may take for one decision, in µs, on
// the machine where the empty server took emptyDaemon. Machines differ: the
// ratio of the two is the same goal anywhere.
const (
	decisionGoal = 110
	emptyDaemon  = 53
)

func (r report) table(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, g := range r {
		fmt.Fprintf(t, "%s\t\n\tEnvoy µs\tdaemon µs\tCPU ÷ base\trequests/s ÷ base\tp50 ms\tp99 ms\tEnvoy MB\tstall ms\t\n", g.name)
		for _, s := range g.list {
			if s.lacks != "" {
				fmt.Fprintf(t, "%s\t%s\t\n", s.text, s.lacks)
				continue
			}
			cpu, rate := g.ratios(s)
			fmt.Fprintf(t, "%s\t%.1f\t%.1f\t%.2f\t%.2f\t%.2f\t%.2f\t%d\t%d\t\n", s.text, figure.Median(s.envoyCPU), s.daemonUsed(), cpu, rate,
				s.median(func(r load.Result) float64 { return r.P50 }), s.median(func(r load.Result) float64 { return r.P99 }), s.memory>>20, s.stall.Milliseconds())
		}
	}
	return t.Flush()
}

// ratios compare a subject with its base: CPU a request, and requests a second.
func (g group) ratios(s *subject) (cpu, rate float64) {
	i := slices.IndexFunc(g.list, func(b *subject) bool { return b.name == s.base })
	if i < 0 {
		return 1, 1
	}
	perSecond := func(r load.Result) float64 { return r.PerSecond }
	return s.cpu() / g.list[i].cpu(), s.median(perSecond) / g.list[i].median(perSecond)
}

func (s *subject) median(of func(load.Result) float64) float64 {
	values := make([]float64, len(s.results))
	for i, r := range s.results {
		values[i] = of(r)
	}
	return figure.Median(values)
}

// beside is what policyd takes for a decision ÷ what the empty server takes, both
// asked over a Unix socket in this run; false: one of them was not measured.
func (r report) beside() (float64, bool) {
	found := map[string]float64{}
	for _, g := range r {
		for _, s := range g.list {
			found[s.name] = s.daemonUsed()
		}
	}
	policyd, empty := found[asked], found[emptyUnix]
	return policyd / empty, policyd > 0 && empty > 0
}

func (r report) figures() (out []figure.Figure) {
	if ratio, ok := r.beside(); ok {
		out = append(out, figure.Of("authz", "asked.cpu.daemon.ratio", ratio, "ratio").AtMost(decisionGoal/float64(emptyDaemon)))
	}
	add := func(s *subject, name string, value float64, unit string) {
		out = append(out, figure.Of("authz", s.name+"."+name, value, unit))
	}
	for _, g := range r {
		for _, s := range g.list {
			if s.lacks != "" {
				continue
			}
			cpu, rate := g.ratios(s)
			ratio := figure.Of("authz", s.name+".cpu.ratio", cpu, "ratio")
			if goal, ok := goals[s.name]; ok {
				ratio = ratio.AtMost(goal)
			}
			out = append(out, ratio)
			add(s, "cpu.envoy", figure.Median(s.envoyCPU), "us/request")
			if s.daemon != 0 {
				daemon := figure.Of("authz", s.name+".cpu.daemon", s.daemonUsed(), "us/request")
				if s.name == asked {
					daemon = daemon.AtMost(decisionGoal)
				}
				out = append(out, daemon)
			}
			add(s, "throughput.ratio", rate, "ratio")
			add(s, "p50", s.median(func(r load.Result) float64 { return r.P50 }), "ms")
			add(s, "p99", s.median(func(r load.Result) float64 { return r.P99 }), "ms")
			add(s, "memory", float64(s.memory)/(1<<20), "MB")
			if s.stall > 0 {
				add(s, "stall", float64(s.stall.Microseconds())/1000, "ms")
			}
		}
	}
	return out
}
