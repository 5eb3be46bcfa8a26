package main

import (
	"strings"
	"time"

	"github.com/krater-mesh/krater/test/bench/mesh"
	"github.com/krater-mesh/krater/test/bench/process"
)

// concerned keeps the processes that take part in a scenario: Krater's own,
// and those of its workload. Other workloads' proxies only idle beside it.
func concerned(all []process.Process, workload string) []process.Process {
	if workload == "" {
		return all
	}
	var out []process.Process
	for _, p := range all {
		isWorkloads := strings.HasPrefix(p.Name, mesh.Envoy("")) || strings.HasPrefix(p.Name, mesh.App(""))
		if !isWorkloads || p.Name == mesh.Envoy(workload) || p.Name == mesh.App(workload) {
			out = append(out, p)
		}
	}
	return out
}

// roles are the columns of the table.
var roles = []string{"envoy", "app", "policyd", "collector", "rest"}

// role is the column of a process.
func role(name string) string {
	switch {
	case strings.HasPrefix(name, mesh.Envoy("")):
		return "envoy"
	case strings.HasPrefix(name, mesh.App("")):
		return "app"
	case name == "policyd" || name == "collector":
		return name
	}
	return "rest" // the control plane and the supervisor
}

// rates are the cores that processes use while nobody asks anything, by name.
type rates map[string]float64

// sum is the cores of all of them.
func (r rates) sum() float64 {
	total := 0.0
	for _, v := range r {
		total += v
	}
	return total
}

// perRequest is the CPU time in microseconds that each process spent for one
// request, without what it would have spent idling.
func perRequest(spent process.Usage, wall time.Duration, idle rates, requests int) map[string]float64 {
	out := map[string]float64{}
	for name, t := range spent {
		busy := t.Seconds() - idle[name]*wall.Seconds()
		out[name] = max(busy, 0) * 1e6 / float64(requests)
	}
	return out
}
