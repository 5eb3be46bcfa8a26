package main

import (
	"fmt"
	"io"
	"time"

	"github.com/krater-mesh/krater/cmd/krater/controlplane"
	"github.com/krater-mesh/krater/model"
)

// shownLines is how many of a filter's last lines are shown.
const shownLines = 3

// filtersNotRunning tells of each filter that is not in force in a proxy, why,
// and what it wrote last.
func filtersNotRunning(w io.Writer, s controlplane.Status) {
	header := "\nFILTER\tPROXY\tSTATE\tSINCE\tTRAPS\tRELOADS\tREASON\n"
	for _, p := range s.Proxies {
		if p.Report == nil {
			continue
		}
		for _, f := range p.Report.Filters {
			if f.State == model.FilterRunning && !f.OverMemory {
				continue
			}
			fmt.Fprintf(w, "%s%s\t%s\t%s\t%s\t%d\t%d\t%s\n", header, f.Object, p.ID, f.State, f.Since.Format(time.DateTime), f.Traps, f.Reloads, f.Reason)
			for _, line := range f.Lines[max(0, len(f.Lines)-shownLines):] {
				fmt.Fprintf(w, "  %q\n", line)
			}
			header = ""
		}
	}
}
