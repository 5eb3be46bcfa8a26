package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/krater-mesh/krater/model"
	"github.com/spf13/cobra"
)

func compileCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "compile PATH...",
		Short:   "Show where each policy, limit, filter and metric rule is placed, and why.",
		Example: "  krater compile samples/bookinfo\n  krater compile -o json samples/bookinfo",
		Args:    cobra.MinimumNArgs(1),
	}
	output := outputFlag(cmd, "json or yaml")
	cmd.RunE = func(cmd *cobra.Command, paths []string) error {
		return withOffline(cmd, paths, func(read offline) (bool, error) {
			warn(cmd.ErrOrStderr(), read.Problems)
			list := placementList{read.Snapshot.Placements}
			return read.Problems.HasErrors(), print(cmd.OutOrStdout(), *output, list, func(w io.Writer) error { return placementTable(w, list.Placements) })
		})
	}
	return cmd
}

type placementList struct {
	Placements []model.Placement `json:"placements"`
}

func placementTable(w io.Writer, placements []model.Placement) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "OBJECT\tRULE\tPLACEMENT\tREASON")
	for _, p := range placements {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", p.Object, p.Rule, p.Place, p.Reason)
	}
	return t.Flush()
}
