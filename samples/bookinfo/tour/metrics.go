package tour

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

const (
	metricName  = "krater_requests_total"
	metricLines = 8 // shown at most
)

// counted are the workloads that the tour's requests reached.
var counted = []string{"productpage-v1", "reviews-v2", "ratings-v1"}

var metrics = Step{
	Title: "Every request was counted",
	Curl:  func(o Options) string { return "curl -s " + o.Metrics + " | grep ^" + metricName },
	Shows: "telemetry.yaml: counted by the Envoys, named and given out by the collector",
	Do: func(ctx context.Context, v *visit) (string, error) {
		// Not a deadline of ctx: a scrape that it cuts off would hide what the
		// one before it had missed.
		deadline := time.Now().Add(v.wait)
		for {
			lines, err := scrape(ctx, v)
			if err == nil {
				err = judgeMetrics(lines)
			}
			if err == nil {
				return describeLines(lines), nil
			}
			if !time.Now().Before(deadline) {
				return describeLines(lines), fmt.Errorf("after %s: %w", v.wait, err)
			}
			select {
			case <-ctx.Done():
				return "", ctx.Err()
			case <-time.After(v.pause): // the proxies push in intervals
			}
		}
	},
}

// scrape gives the metric's lines of the Prometheus page.
func scrape(ctx context.Context, v *visit) ([]string, error) {
	got, err := v.get(ctx, v.Metrics, request{})
	if err != nil {
		return nil, err
	}
	if got.status != http.StatusOK {
		return nil, fmt.Errorf("the metrics page answered %d", got.status)
	}
	var lines []string
	for line := range strings.Lines(got.body) {
		if strings.HasPrefix(line, metricName+"{") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines, nil
}

func judgeMetrics(lines []string) error {
	for _, workload := range counted {
		label := fmt.Sprintf("destination_workload=%q", workload)
		if !strings.Contains(strings.Join(lines, "\n"), label) {
			return fmt.Errorf("no %s has the label %s", metricName, label)
		}
	}
	return nil
}

func describeLines(lines []string) string {
	if more := len(lines) - metricLines; more > 0 {
		return strings.Join(lines[:metricLines], "\n") + fmt.Sprintf("\n... and %d more", more)
	}
	return strings.Join(lines, "\n")
}
