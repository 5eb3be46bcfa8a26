package main

import (
	"maps"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/test/bench/figure"
)

const benchName = "smoke"

// report is everything a run measured.
type report struct {
	groups []group
	edits  []timing
	start  float64 // seconds until Bookinfo was synced; 0: not measured
	// restarts are the seconds until a killed Envoy served again.
	restarts []float64
}

// group is the rows of one mesh; they are compared with its first.
type group struct {
	name, says string
	idle       rates
	rows       []row
	processes  bool // each process is a figure of its own
}

// row is one scenario: medians over its rounds.
type row struct {
	name      string
	total     float64            // CPU in microseconds per request, of everything
	roles     map[string]float64 // of it, by role
	cpu       map[string]float64 // of it, by process
	perSecond float64
	p50, p99  float64 // milliseconds
	spread    float64 // half the range of total over the rounds, as a share of it
}

// timing is the edits of one kind.
type timing struct {
	name, says string
	took       []float64 // milliseconds
}

func newRow(name string, samples []sample) row {
	median := func(of func(sample) float64) float64 {
		var values []float64
		for _, s := range samples {
			values = append(values, of(s))
		}
		return figure.Median(values)
	}
	r := row{
		name: name, roles: map[string]float64{}, cpu: map[string]float64{},
		total:     median(func(s sample) float64 { return s.total("") }),
		perSecond: median(func(s sample) float64 { return s.PerSecond }),
		p50:       median(func(s sample) float64 { return s.P50 }),
		p99:       median(func(s sample) float64 { return s.P99 }),
	}
	totals := make([]float64, 0, len(samples))
	for _, s := range samples {
		totals = append(totals, s.total(""))
	}
	r.spread = (slices.Max(totals) - slices.Min(totals)) / 2 / r.total
	for _, of := range roles {
		r.roles[of] = median(func(s sample) float64 { return s.total(of) })
	}
	for process := range samples[0].cpu {
		r.cpu[process] = median(func(s sample) float64 { return s.cpu[process] })
	}
	return r
}

// base is the row that the ratios of a group are to: no policy, with the same
// telemetry; for the whole sample, that of the group with all telemetry.
func (r *report) base(g group) (row, bool) {
	for _, from := range append([]group{g}, r.groups...) {
		for _, row := range from.rows {
			if row.name == "none" {
				return row, true
			}
		}
	}
	return row{}, false
}

func (r *report) figures() []figure.Figure {
	var out []figure.Figure
	add := func(name string, value float64, unit string) {
		out = append(out, figure.Of(benchName, name, value, unit))
	}
	for _, g := range r.groups {
		base, compared := r.base(g)
		for _, row := range g.rows {
			at := g.name + "." + row.name + "."
			add(at+"cpu.total", row.total, "us/request")
			add(at+"cpu.spread", row.spread*100, "%")
			for _, of := range roles {
				add(at+"cpu."+of, row.roles[of], "us/request")
			}
			if compared && row.name != base.name {
				add(at+"ratio.total", row.total/base.total, "ratio")
				add(at+"ratio.envoy", row.roles["envoy"]/base.roles["envoy"], "ratio")
			}
			add(at+"throughput", row.perSecond, "requests/s")
			add(at+"latency.p50", row.p50, "ms")
			add(at+"latency.p99", row.p99, "ms")
			if g.processes {
				for _, process := range slices.Sorted(maps.Keys(row.cpu)) {
					add(at+"process."+strings.ReplaceAll(process, " ", "."), row.cpu[process], "us/request")
				}
			}
		}
		add(g.name+".idle", g.idle.sum()*100, "% of a core")
	}
	for _, t := range r.edits {
		add("edit."+t.name+".median", figure.Median(t.took), "ms")
		add("edit."+t.name+".p90", figure.Quantile(t.took, 0.9), "ms")
	}
	if r.start > 0 {
		out = append(out, figure.Of(benchName, "bookinfo.start", r.start, "s").AtMost(startGoal))
	}
	if len(r.restarts) > 0 {
		out = append(out, figure.Of(benchName, "bookinfo.restart.median", figure.Median(r.restarts), "s").AtMost(restartGoal))
	}
	return out
}
