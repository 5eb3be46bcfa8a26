package main

import "github.com/spf13/cobra"

// policyCommand is what authors of policies need beside explain: tests, and
// what the running mesh has recorded.
func policyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Test policies, and try them on recorded requests.",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(policyTestCommand(), policyCoverageCommand(), policyShadowReportCommand(), policyReplayCommand())
	return cmd
}
