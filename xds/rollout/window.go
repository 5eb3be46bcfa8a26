package rollout

import (
	"slices"
	"time"

	"github.com/krater-mesh/krater/model"
)

// Totals are what a proxy did in some time.
type Totals struct {
	Requests int64                 `json:"requests"`
	Errors   int64                 `json:"errors"`
	Latency  []model.LatencyBucket `json:"latency,omitempty"`
	CPU      model.Duration        `json:"cpu"`
	Memory   int64                 `json:"memoryBytes"` // the last
}

// Window is what a proxy did since a step began. Reports count since the
// proxy's start, so those that a control plane missed are made up for.
type Window struct {
	Last  model.ProxyReport `json:"last"`
	Count int               `json:"count"` // of the reports
	Sum   Totals            `json:"sum"`
	Traps int64             `json:"traps"` // of the filter
}

// take adds a report to what was before. The time between the last report of
// one process and the first of the next is left out: starting costs more than
// any filter, and what a filter broke is told in its own report.
func (w *Window) take(r model.ProxyReport, filter string) {
	if w.Count > 0 && !r.At.After(w.Last.At) {
		return
	}
	if w.Count > 0 {
		now, was := traps(r, filter), traps(w.Last, filter)
		if restarted(w.Last, r) {
			was = 0
		} else {
			w.Sum.add(between(&w.Last, r))
		}
		w.Traps += max(now-was, 0)
	}
	w.Sum.Memory = r.Memory
	w.Last = r
	w.Count++
}

func restarted(was, is model.ProxyReport) bool {
	return is.Requests < was.Requests || is.CPU < was.CPU || is.Started.Sub(was.Started).Abs() > time.Second
}

// between is what was done between two reports of one process; all since its
// start where there is no earlier one.
func between(was *model.ProxyReport, is model.ProxyReport) Totals {
	out := Totals{Requests: is.Requests, Errors: is.Errors, CPU: is.CPU, Memory: is.Memory, Latency: slices.Clone(is.Latency)}
	if was == nil || restarted(*was, is) {
		return out
	}
	out.Requests -= was.Requests
	out.Errors = max(out.Errors-was.Errors, 0)
	out.CPU -= was.CPU
	if len(was.Latency) == len(out.Latency) {
		for i := range out.Latency {
			out.Latency[i].Count = max(out.Latency[i].Count-was.Latency[i].Count, 0)
		}
	}
	return out
}

// add sums two times, or two proxies; memory is that of all.
func (t *Totals) add(o Totals) {
	t.Requests += o.Requests
	t.Errors += o.Errors
	t.CPU += o.CPU
	t.Memory += o.Memory
	if len(t.Latency) != len(o.Latency) {
		if len(t.Latency) == 0 {
			t.Latency = slices.Clone(o.Latency)
		}
		return
	}
	for i := range o.Latency {
		t.Latency[i].Count += o.Latency[i].Count
	}
}

// quantile is the milliseconds within which a share of the requests was
// answered, evenly spread within a bucket; 0 where none was.
func (t Totals) quantile(q float64) float64 {
	if len(t.Latency) == 0 {
		return 0
	}
	want := q * float64(t.Latency[len(t.Latency)-1].Count)
	var from float64
	var below int64
	for _, b := range t.Latency {
		if b.Count > below && float64(b.Count) >= want {
			if b.UpTo < 0 {
				return from
			}
			return from + (b.UpTo-from)*(want-float64(below))/float64(b.Count-below)
		}
		from, below = b.UpTo, b.Count
	}
	return from
}

// traps are those of all versions of a filter in a proxy.
func traps(r model.ProxyReport, filter string) (n int64) {
	for _, f := range r.Filters {
		if f.Object == filter {
			n += f.Traps
		}
	}
	return n
}
