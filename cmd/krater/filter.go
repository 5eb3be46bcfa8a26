package main

import "github.com/spf13/cobra"

// filterCommand is the way of a filter, from its folder to the registry.
func filterCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "filter",
		Short: "Make, check and publish filters of your own.",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		filterNewCommand(),
		filterGenerateCommand(),
		filterBuildCommand(),
		filterTestCommand(),
		filterRunCommand(),
		filterRolloutCommand(),
		filterVerifyCommand(),
		filterPushCommand(),
		filterPullCommand(),
		filterKeysCommand(),
		filterSignCommand(),
	)
	return cmd
}
