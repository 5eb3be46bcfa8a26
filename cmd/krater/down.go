package main

import (
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/krater-mesh/krater/cmd/krater/state"
	"github.com/spf13/cobra"
)

// downWithin is how long a mesh may take to end everything it started.
const downWithin = 20 * time.Second

func downCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "down [DIR]",
		Short:   "End a mesh that `krater up` started, and all of its processes.",
		Example: "  krater down\n  krater down samples/bookinfo",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			layout, err := state.Find(strings.Join(args, ""))
			if err != nil {
				return err
			}
			pid, ok := layout.PID()
			if !ok {
				return nil
			}
			if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
				return fmt.Errorf("ending process %d: %w", pid, err)
			}
			for deadline := time.Now().Add(downWithin); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
				if _, held := layout.PID(); !held {
					fmt.Fprintf(cmd.OutOrStdout(), "the mesh of process %d has ended\n", pid)
					return nil
				}
			}
			return fmt.Errorf("process %d has not ended within %s; its log is %s", pid, downWithin, layout.Path("up.log"))
		},
	}
}
