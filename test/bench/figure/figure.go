// Package figure turns what a benchmark measured into lines of JSON, one for
// each figure, that machines compare between runs. It never judges a figure
// for which nobody set a goal.
package figure

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
)

// Figure is one measured number.
type Figure struct {
	Bench string   `json:"bench"`
	Name  string   `json:"figure"` // "full.native.cpu.total"
	Value float64  `json:"value"`
	Unit  string   `json:"unit"` // "us/request", "ratio", "ms", "s", "requests/s"
	Goal  *float64 `json:"goal"` // the most that is good; nil where none is set
	Met   *bool    `json:"met"`
}

// Of makes a figure without a goal, rounded to three decimals.
func Of(bench, name string, value float64, unit string) Figure {
	return Figure{Bench: bench, Name: name, Value: math.Round(value*1000) / 1000, Unit: unit}
}

// AtMost gives the figure a goal.
func (f Figure) AtMost(goal float64) Figure {
	met := f.Value <= goal
	f.Goal, f.Met = &goal, &met
	return f
}

// Write writes one line for each figure.
func Write(w io.Writer, figures []Figure) error {
	for _, f := range figures {
		line, err := json.Marshal(f)
		if err != nil {
			return fmt.Errorf("writing figure %s: %w", f.Name, err)
		}
		if _, err := fmt.Fprintf(w, "%s\n", line); err != nil {
			return fmt.Errorf("writing figure %s: %w", f.Name, err)
		}
	}
	return nil
}
