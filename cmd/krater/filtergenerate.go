package main

import (
	"fmt"

	"github.com/krater-mesh/krater/filters/generate"
	"github.com/spf13/cobra"
)

func filterGenerateCommand() *cobra.Command {
	check := new(bool)
	cmd := &cobra.Command{
		Use:   "generate DIR…",
		Short: "Write a filter's decoder and JSON schema from its Config struct.",
		Long: `Write config_gen.go, which reads a filter's configuration without reflection, and
config.schema.json, by which it is checked before any proxy gets it. Both follow
from the type Config of the Go package in DIR: fields have json tags, bounds are
in filter tags, and comments become descriptions.`,
		Example: `  krater filter generate .
  krater filter generate --check .   # exit 1 where a file is not as it would be written`,
		Args: cobra.MinimumNArgs(1),
	}
	cmd.Flags().BoolVar(check, "check", false, "Write nothing; tell which files are out of date.")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		stale := false
		for _, dir := range args {
			files, err := generate.Package(dir)
			if err != nil {
				return err
			}
			changed, err := files.Changed()
			if err != nil {
				return err
			}
			if !*check {
				if err := files.Write(); err != nil {
					return err
				}
			}
			for _, path := range changed {
				stale = true
				fmt.Fprintln(cmd.OutOrStdout(), path)
			}
		}
		if stale && *check {
			return errProblems
		}
		return nil
	}
	return cmd
}
