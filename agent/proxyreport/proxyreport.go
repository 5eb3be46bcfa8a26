// Package proxyreport measures one Envoy: what it answered and how fast, by
// its stats, and what its process takes. It never looks at a request, and
// changes nothing.
package proxyreport

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/krater-mesh/krater/agent/admin"
	"github.com/krater-mesh/krater/model"
)

// Process is the Envoy that runs now.
type Process struct {
	PID      int // 0: none
	Started  time.Time
	Restarts int // before this one
}

// stats are those of the connection managers, which count requests.
const stats = `^http\..+\.downstream_rq_(completed|5xx|time)$`

// Take measures an Envoy. The error says that it did not answer.
func Take(ctx context.Context, page admin.Page, p Process, now time.Time) (model.ProxyReport, error) {
	out := model.ProxyReport{At: now, Started: p.Started, Restarts: p.Restarts}
	usage := use(p.PID)
	out.CPU, out.Memory = model.Duration(usage.cpu), usage.memory
	readings, err := page.Readings(ctx, stats)
	if err != nil {
		return out, err
	}
	for name, n := range readings.Values {
		switch {
		case ours(name):
		case strings.HasSuffix(name, ".downstream_rq_completed"):
			out.Requests += int64(n)
		case strings.HasSuffix(name, ".downstream_rq_5xx"):
			out.Errors += int64(n)
		}
	}
	out.Errors = min(out.Errors, out.Requests) // they are not read at one moment
	out.Latency = latency(readings.Histograms)
	return out, nil
}

// ours are the requests that the agent itself made, of the admin page.
func ours(name string) bool { return strings.HasPrefix(name, "http.admin.") }

// latency sums the histograms up.
func latency(histograms map[string][]admin.Bucket) []model.LatencyBucket {
	sum, all := map[float64]int64{}, int64(0)
	for name, buckets := range histograms {
		if ours(name) || len(buckets) == 0 {
			continue
		}
		for _, b := range buckets {
			sum[b.UpTo] += b.Count
		}
		all += buckets[len(buckets)-1].Count
	}
	var out []model.LatencyBucket
	for bound, n := range sum {
		out = append(out, model.LatencyBucket{UpTo: bound, Count: n})
	}
	if len(out) == 0 {
		return nil
	}
	slices.SortFunc(out, func(a, b model.LatencyBucket) int {
		if a.UpTo < b.UpTo {
			return -1
		}
		return 1
	})
	return append(out, model.LatencyBucket{UpTo: -1, Count: all})
}
