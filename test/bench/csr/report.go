package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/krater-mesh/krater/test/bench/figure"
)

const benchName = "csr"

func table(w io.Writer, o options, results []result) error {
	fmt.Fprintf(w, "\n%d CSRs a load, %d agents at a time, %d loads of each kind\n", o.csrs, o.workers, o.rounds)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "CSRs\tCSRs/s\tmedian ms\tp99 ms\tcontrol plane, CPU ms each\tby\t")
	for _, r := range results {
		fmt.Fprintf(t, "%s\t%.0f\t%.1f\t%.1f\t%.2f\t%s\t\n", r.name, figure.Median(r.rates), figure.Median(r.took), figure.Quantile(r.took, 0.99), figure.Median(r.cpus), r.text)
	}
	return t.Flush()
}

func figures(results []result) []figure.Figure {
	var out []figure.Figure
	for _, r := range results {
		out = append(out,
			figure.Of(benchName, r.name+".rate", figure.Median(r.rates), "CSRs/s"),
			figure.Of(benchName, r.name+".median", figure.Median(r.took), "ms"),
			figure.Of(benchName, r.name+".p99", figure.Quantile(r.took, 0.99), "ms"),
			figure.Of(benchName, r.name+".cpu", figure.Median(r.cpus), "ms/CSR"),
		)
	}
	return out
}
