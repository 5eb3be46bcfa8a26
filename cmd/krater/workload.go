package main

import "github.com/spf13/cobra"

// workloadCommand is for workloads that nobody but their own machine starts.
func workloadCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "workload", Short: "Bring machines elsewhere, such as VMs, into the mesh."}
	group := &cobra.Command{Use: "group", Short: "Declare what workloads register themselves as."}
	group.AddCommand(groupCreateCommand())
	entry := &cobra.Command{Use: "entry", Short: "Prepare a machine that registers itself."}
	entry.AddCommand(entryConfigureCommand())
	cmd.AddCommand(group, entry)
	return cmd
}
