package load

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/krater-mesh/krater/test/bench/figure"
)

// Result is how a load was answered.
type Result struct {
	Requests  int
	PerSecond float64
	P50, P99  float64 // milliseconds until the end of the answer
}

// parseLog reads h2load's log: start in microseconds, status, microseconds.
func parseLog(text string, want int) (Result, error) {
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' })
	if len(lines) != want {
		return Result{}, fmt.Errorf("%d of %d requests were answered", len(lines), want)
	}
	took := make([]float64, 0, want)
	first, last := int64(0), int64(0)
	for _, line := range lines {
		var row [3]int64
		fields := strings.Split(line, "\t")
		if len(fields) < len(row) {
			return Result{}, fmt.Errorf("h2load's log has a line %q", line)
		}
		for i := range row {
			n, err := strconv.ParseInt(fields[i], 10, 64)
			if err != nil {
				return Result{}, fmt.Errorf("h2load's log has a line %q", line)
			}
			row[i] = n
		}
		if row[1] != 200 {
			return Result{}, fmt.Errorf("a request was answered %d, not 200", row[1])
		}
		if first == 0 || row[0] < first {
			first = row[0]
		}
		last = max(last, row[0]+row[2])
		took = append(took, float64(row[2])/1000)
	}
	return Result{
		Requests:  want,
		PerSecond: float64(want) / (float64(last-first) / 1e6),
		P50:       figure.Quantile(took, 0.50),
		P99:       figure.Quantile(took, 0.99),
	}, nil
}
