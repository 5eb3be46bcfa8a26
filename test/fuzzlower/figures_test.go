package fuzzlower

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"testing"
	"text/tabwriter"
)

// figure is one line of what `make fuzz-lower` ends with.
type figure struct {
	Bench  string  `json:"bench"`
	Figure string  `json:"figure"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit"`
	Goal   string  `json:"goal"`
	Met    bool    `json:"met"`
}

// atLeast and atMost make figures with a goal.
func atLeast(name string, value, goal float64, unit string) figure {
	return figure{"fuzz-lower", name, value, unit, fmt.Sprintf(">= %g", goal), value >= goal}
}

func atMost(name string, value, goal float64, unit string) figure {
	return figure{"fuzz-lower", name, value, unit, fmt.Sprintf("<= %g", goal), value <= goal}
}

// report prints a table for people, then each figure as a line of JSON, and
// fails the test where a goal is missed.
func report(t *testing.T, out io.Writer, figures []figure) {
	t.Helper()
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, f := range figures {
		met := "met"
		if !f.Met {
			met = "MISSED"
			t.Errorf("%s is %.4g %s; the goal is %s", f.Figure, f.Value, f.Unit, f.Goal)
		}
		fmt.Fprintf(table, "%s\t%.5g %s\t%s\t%s\n", f.Figure, f.Value, f.Unit, f.Goal, met)
	}
	table.Flush()
	for _, f := range figures {
		line := json.NewEncoder(out)
		line.SetEscapeHTML(false)
		_ = line.Encode(f) // of strings, numbers and a bool, to a buffer
	}
}

// number reads an environment variable, or gives the other.
func number(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}
