package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/krater-mesh/krater/cmd/krater/admission"
	"github.com/krater-mesh/krater/cmd/krater/controlplane"
	"github.com/spf13/cobra"
)

func statusCommand() *cobra.Command {
	var wait, events bool
	var limit time.Duration
	cmd := &cobra.Command{
		Use:   "status [DIR]",
		Short: "Show what each proxy runs, and what is wrong.",
		Long: `Show, for each proxy and resource type, whether it runs what it was sent:
SYNCED, STALE (something is on its way) or NACK (refused: the last good stays),
then who is connected by which certificate, the daemons, the Wasm modules, who
was refused what, which pushes held others up, rollouts of filters, and every
Problem of the configuration.

Exits with 1 if a proxy is not synced or an object has an error.`,
		Example: "  krater status\n  krater status --wait --timeout 30s\n  krater status -o json",
		Args:    cobra.MaximumNArgs(1),
	}
	output := outputFlag(cmd, "json or yaml")
	cmd.Flags().BoolVar(&wait, "wait", false, "Wait until every proxy is synced.")
	cmd.Flags().BoolVar(&events, "events", false, "Show what happened in rollouts, too.")
	cmd.Flags().DurationVar(&limit, "timeout", time.Minute, "How long to wait.")
	find := meshFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		client, err := find(strings.Join(args, ""))
		if err != nil {
			return err
		}
		status, err := client.Status(cmd.Context())
		if wait {
			status, err = waitSynced(cmd.Context(), client, limit)
		}
		if err != nil {
			return err
		}
		err = print(cmd.OutOrStdout(), *output, status, func(w io.Writer) error {
			err := statusText(w, status)
			if events && err == nil {
				err = eventsText(w, status.Events)
			}
			return err
		})
		if err == nil && (!status.Synced() || status.Problems.HasErrors()) {
			err = errProblems
		}
		return err
	}
	return cmd
}

func waitSynced(ctx context.Context, client *controlplane.Client, limit time.Duration) (controlplane.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		status, err := client.Status(ctx)
		if err == nil && status.Synced() {
			return status, nil
		}
		select {
		case <-ctx.Done():
			if err == nil {
				err = errors.New(status.Waiting())
			}
			return status, fmt.Errorf("not synced within %s: %w", limit, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// columns are the resource types of proxies, in the order they are sent.
var columns = []string{"CDS", "EDS", "ECDS", "LDS", "RDS", "VHDS"}

func statusText(w io.Writer, s controlplane.Status) error {
	fmt.Fprintf(w, "mesh %s, snapshot %s, %s\n\n", s.Mesh, s.Snapshot, s.At.Format(time.DateTime))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "PROXY\tADDRESS\t%s\n", strings.Join(columns, "\t"))
	for _, p := range s.Proxies {
		fmt.Fprintf(t, "%s\t%s", p.ID, p.Address)
		for _, column := range columns {
			fmt.Fprintf(t, "\t%s", cell(p, column))
		}
		fmt.Fprintln(t)
	}
	connections(t, s)
	fmt.Fprintln(t, "\nDAEMON\tSTATE\tRESOURCES")
	for _, d := range s.Daemons {
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(d.Types)) {
			parts = append(parts, fmt.Sprintf("%s %d", name, d.Types[name].Count))
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", d.ID, d.State(), strings.Join(parts, ", "))
	}
	if len(s.Modules) > 0 {
		fmt.Fprintln(t, "\nMODULE\tSIZE\tSTATE\tPROXIES\tFILTERS")
		for _, m := range s.Modules {
			fmt.Fprintf(t, "%.19s\t%.2f MB\t%s\t%d\t%s\n", cmp.Or(m.Digest, "none yet"), float64(m.Size)/1e6, m.State, m.Proxies, strings.Join(m.Filters, ", "))
		}
	}
	filtersNotRunning(t, s)
	refused(t, s.Refused)
	loadsText(t, s)
	if err := t.Flush(); err != nil {
		return err
	}
	if len(s.Rollouts) > 0 {
		fmt.Fprintln(w)
	}
	rolloutsText(w, s.Rollouts)
	if len(s.Problems) > 0 {
		fmt.Fprintln(w, "\nPROBLEMS")
		for _, p := range s.Problems {
			fmt.Fprintln(w, "  "+p.String())
		}
	}
	return nil
}

// connections tell who is connected by a certificate, and until when.
func connections(w io.Writer, s controlplane.Status) {
	header := "\nCONNECTED\tIDENTITY\tCERTIFICATE ENDS\tFROM\n"
	for _, c := range slices.Concat(s.Proxies, s.Daemons) {
		if c.Connection != nil {
			fmt.Fprintf(w, "%s%s\t%s\t%s\t%s\n", header, c.ID, c.Connection.Identity, c.Connection.Ends.Format(time.DateTime), c.Connection.Address)
			header = ""
		}
	}
}

// refused are those who asked for what is not theirs, the last one first.
func refused(w io.Writer, list []admission.Refusal) {
	if len(list) > 0 {
		fmt.Fprintln(w, "\nREFUSED\tWHO\tFROM\tTIMES\tLAST\tREASON")
	}
	for _, r := range list {
		who := cmp.Or(strings.TrimSpace(r.Identity+" "+r.Workload), "nobody known")
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%q\n", r.What, who, cmp.Or(r.Address, "-"), r.Count, r.Last.Format(time.DateTime), r.Reason)
	}
}

func cell(p controlplane.ClientStatus, column string) string {
	t, ok := p.Types[column]
	switch {
	case !p.Connected:
		return "-"
	case !ok:
		return "none"
	}
	return string(t.State)
}
