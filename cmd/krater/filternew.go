package main

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/krater-mesh/krater/filters/scaffold"
	"github.com/spf13/cobra"
)

func filterNewCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "new NAME",
		Short: "Start the folder of a new filter: it builds, and has tests and a README.",
		Long: `Start the folder NAME (a path; its last part is the filter's name): a filter in
Go that builds, with tests, requests and what must come of them, a Filter object
and a README. Outside of Krater's own tree it is a Go module of its own with a
copy of the SDK, and needs nothing but Go.`,
		Example: "  krater filter new greeting\n  cd greeting\n  krater filter run",
		Args:    cobra.ExactArgs(1),
	}
	output := outputFlag(cmd, "json or yaml")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		files, err := scaffold.New(args[0])
		if err != nil {
			return err
		}
		if _, err := prepareFilter(args[0]); err != nil {
			return err
		}
		result := struct {
			Dir   string   `json:"dir"`
			Files []string `json:"files"`
		}{args[0], files}
		return print(cmd.OutOrStdout(), *output, result, func(w io.Writer) error {
			for _, f := range files {
				fmt.Fprintln(w, "  "+filepath.Join(args[0], f))
			}
			_, err := fmt.Fprintf(w, "next: cd %s && krater filter run\n", args[0])
			return err
		})
	}
	return cmd
}
