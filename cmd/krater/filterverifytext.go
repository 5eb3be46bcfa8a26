package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/krater-mesh/krater/cmd/krater/trial"
	"github.com/krater-mesh/krater/filters/verify"
)

func verifiedText(w io.Writer, v verified) error {
	r := v.Module
	fmt.Fprintf(w, "%s: %s, %s\n\n", v.File, size(r.Size), strings.TrimSuffix(r.Digest, "\n"))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range checkRows(v) {
		fmt.Fprintf(t, "%s\t%s\t%s\n", row[0], row[1], row[2])
	}
	if err := t.Flush(); err != nil {
		return err
	}
	findings, log := r.Findings, r.Log
	if v.Envoy != nil {
		findings, log = slices.Concat(findings, v.Envoy.Findings), slices.Concat(log, v.Envoy.Log)
	}
	for _, f := range findings {
		fmt.Fprintf(w, "\n%s %s: %s\n", f.Level, f.Check, f.Message)
		if f.Fix != "" {
			fmt.Fprintf(w, "    fix: %s\n", f.Fix)
		}
	}
	if !v.ok() && len(log) > 0 {
		fmt.Fprintf(w, "\nits last lines:\n")
		for _, l := range log {
			fmt.Fprintf(w, "    %s\n", l)
		}
	}
	return nil
}

// checkRows are the checks in their order, each with what came of it.
func checkRows(v verified) (rows [][3]string) {
	r := v.Module
	details := map[verify.Check]string{
		verify.CheckSize:     size(r.Size),
		verify.CheckABI:      r.ABI,
		verify.CheckImports:  fmt.Sprintf("%d functions", len(r.Imports)),
		verify.CheckExports:  fmt.Sprintf("%d", len(r.Exports)),
		verify.CheckMemory:   size(r.MemoryAtStart) + " at start",
		verify.CheckStart:    fmt.Sprintf("%s in an interpreter", r.StartTime.Round(time.Millisecond)),
		verify.CheckRequests: fmt.Sprint(r.Requests),
		verify.CheckGrowth:   fmt.Sprintf("%d bytes a request; %s after them", r.GrowthPerRequest, size(r.MemoryAfter)),
	}
	failed := false
	for _, c := range verify.Checks {
		level := worst(r.Findings, c)
		switch {
		case level == verify.Error:
			rows = append(rows, [3]string{string(c), "WRONG", ""})
			failed = true
		case failed && c != verify.CheckTime, c == verify.CheckRequests && r.Requests == 0, c == verify.CheckGrowth && r.Requests == 0:
			rows = append(rows, [3]string{string(c), "-", ""}) // not come so far
		case level != "":
			rows = append(rows, [3]string{string(c), string(level), details[c]})
		case c != verify.CheckTime:
			rows = append(rows, [3]string{string(c), "ok", details[c]})
		}
	}
	if e := v.Envoy; e != nil {
		result := "ok"
		if !e.OK() {
			result = "WRONG"
		}
		rows = append(rows, [3]string{"envoy", result, envoyText(*e)})
	}
	return rows
}

func worst(findings []verify.Finding, c verify.Check) (level verify.Level) {
	for _, f := range findings {
		if f.Check == c && level != verify.Error {
			level = f.Level
		}
	}
	return level
}

func envoyText(e trial.Result) string {
	if e.Requests == 0 {
		return ""
	}
	var answers []string
	for _, status := range slices.Sorted(maps.Keys(e.Statuses)) {
		answers = append(answers, fmt.Sprintf("%d x %d", e.Statuses[status], status))
	}
	return fmt.Sprintf("there after %s; Envoy's memory %s, with it %s, after %d requests %s; answers: %s",
		e.StartTime.Round(10*time.Millisecond), size(e.MemoryBefore), size(e.MemoryAtStart), e.Requests, size(e.MemoryAfter), strings.Join(answers, ", "))
}

// size is a number of bytes for people.
func size(n int64) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d bytes", n)
}
