package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/krater-mesh/krater/cmd/krater/controlplane"
	"github.com/krater-mesh/krater/xds/rollout"
	"github.com/spf13/cobra"
)

// filterRolloutCommand shows and steers rollouts.
func filterRolloutCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rollout",
		Short: "Show how new versions of filters come to the proxies, and say otherwise.",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(filterRolloutStatusCommand(),
		filterRolloutOrder("promote", "Give the new version of a filter to all its proxies now.", (*controlplane.Client).PromoteRollout),
		filterRolloutOrder("abort", "Take the new version of a filter back now.", (*controlplane.Client).AbortRollout))
	return cmd
}

func filterRolloutStatusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "status [DIR]",
		Short:   "Show where each rollout stands, what its guards read, and what happened.",
		Example: "  krater filter rollout status",
		Args:    cobra.MaximumNArgs(1),
	}
	output := outputFlag(cmd, "json or yaml")
	find := meshFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		client, err := find(strings.Join(args, ""))
		if err != nil {
			return err
		}
		status, err := client.Status(cmd.Context())
		if err != nil {
			return err
		}
		shown := struct {
			Rollouts []controlplane.RolloutStatus `json:"rollouts"`
			Events   []rollout.Event              `json:"events"`
		}{status.Rollouts, status.Events}
		return print(cmd.OutOrStdout(), *output, shown, func(w io.Writer) error {
			rolloutsText(w, status.Rollouts)
			return eventsText(w, status.Events)
		})
	}
	return cmd
}

func filterRolloutOrder(what, short string, do func(*controlplane.Client, context.Context, string) ([]controlplane.RolloutStatus, error)) *cobra.Command {
	cmd := &cobra.Command{
		Use:     what + " FILTER [DIR]",
		Short:   short,
		Long:    short + "\nFILTER is NAMESPACE/NAME, or NAME in the namespace default; KIND/NAMESPACE/NAME for a WasmPlugin.",
		Example: "  krater filter rollout " + what + " default/greeting",
		Args:    cobra.RangeArgs(1, 2),
	}
	find := meshFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		client, err := find(strings.Join(args[1:], ""))
		if err != nil {
			return err
		}
		list, err := do(client, cmd.Context(), filterObject(args[0]))
		if err == nil {
			rolloutsText(cmd.OutOrStdout(), list)
		}
		return err
	}
	return cmd
}

// filterObject is a filter as it is written on a command line, as Ref.String
// writes it.
func filterObject(name string) string {
	part := strings.Split(name, "/")
	switch len(part) {
	case 1:
		return "Filter default/" + name
	case 2:
		return "Filter " + name
	}
	return part[0] + " " + strings.Join(part[1:], "/")
}

// rolloutsText is a table of rollouts, and of what their guards read.
func rolloutsText(out io.Writer, list []controlplane.RolloutStatus) {
	if len(list) == 0 {
		return
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ROLLOUT\tVERSION\tPHASE\tSTEP\tPROXIES\tSINCE\tREASON")
	for _, r := range list {
		step := "-"
		if r.Step > 0 {
			step = fmt.Sprintf("%d of %d", r.Step, r.Steps)
		}
		why := cmp.Or(r.Reason, r.Waiting, "-")
		if r.Waiting != "" {
			why = "waits: " + r.Waiting
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d of %d\t%s\t%s\n", r.Object, r.Version, r.Phase, step, len(r.Proxies), r.Selected, r.Since.Format(time.DateTime), why)
		for _, g := range r.Readings {
			fmt.Fprintf(w, "  %s\t%s\tnew %.4g\texpected %.4g\tat most %.4g\t\t%s\n", g.Guard, g.State, g.New, g.Expected, g.Limit, g.Detail)
		}
	}
	w.Flush()
}

// eventsText is what happened, the last last.
func eventsText(out io.Writer, events []rollout.Event) error {
	if len(events) > 0 {
		fmt.Fprintln(out, "\nEVENTS")
	}
	for _, e := range events {
		fmt.Fprintf(out, "  %s  %s\n", e.At.Format(time.DateTime), e)
	}
	return nil
}

// loadsText tells which pushes kept a proxy from taking others.
func loadsText(w io.Writer, s controlplane.Status) {
	header := "\nXDS HELD UP\tSINCE\tFOR\tOTHERS WAITED\tBY\n"
	for _, p := range s.Proxies {
		for _, l := range p.Loads {
			what := strings.Join(l.Resources, ", ")
			if l.Preload {
				what += " (nothing used it yet)"
			}
			fmt.Fprintf(w, "%s%s\t%s\t%s\t%s\t%s\n", header, p.ID, l.At.Add(-l.Took.Std()).Format(time.DateTime), l.Took.Std().Round(time.Millisecond), l.Delayed.Std().Round(time.Millisecond), what)
			header = ""
		}
	}
}
