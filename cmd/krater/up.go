package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/krater-mesh/krater/agent"
	"github.com/krater-mesh/krater/cmd/krater/controlplane"
	"github.com/krater-mesh/krater/cmd/krater/observe"
	"github.com/krater-mesh/krater/cmd/krater/state"
	"github.com/krater-mesh/krater/cmd/krater/up"
	"github.com/spf13/cobra"
)

type upFlags struct {
	detach, separate, quiet, exit bool
	limit                         time.Duration
	doors                         doors
}

func upCommand() *cobra.Command {
	var f upFlags
	cmd := &cobra.Command{
		Use:   "up DIR [-- COMMAND...]",
		Short: "Run the whole mesh of a folder on this machine.",
		Long: `Run the whole mesh of a folder on this machine: the control plane, the policy
daemon, the collector, a real Envoy for each workload and gateway, and the
workloads that the Mesh object lists. No root is needed. The files are watched:
an edit takes effect at once. Ctrl-C ends everything.

The workloads' traffic goes through their sidecars because they are told to use
a proxy: a program can ignore that. It is no security boundary; see
docs/explicit-proxy.md.

A command behind -- is run once every proxy is synced.`,
		Example: "  krater up samples/bookinfo\n  krater up samples/bookinfo --detach\n  krater up samples/bookinfo --quiet --exit -- bookinfo tour",
		Args: func(cmd *cobra.Command, args []string) error {
			if n := dirs(cmd, args); len(n) != 1 {
				return fmt.Errorf("name one folder: krater up DIR (got %d)", len(n))
			}
			return nil
		},
	}
	cmd.Flags().BoolVarP(&f.detach, "detach", "d", false, "Return once the mesh is synced; `krater down` ends it.")
	cmd.Flags().BoolVar(&f.separate, "separate", false, "Run the control plane, policyd and the collector as processes of their own.")
	cmd.Flags().BoolVarP(&f.quiet, "quiet", "q", false, "Keep the workloads' output in files only.")
	cmd.Flags().BoolVar(&f.exit, "exit", false, "End the mesh when the command behind -- ends, with its exit code.")
	f.doors.add(cmd)
	cmd.Flags().DurationVar(&f.limit, "timeout", 2*time.Minute, "How long the first sync may take.")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		mesh := dirs(cmd, args)[0]
		if _, err := os.Stat(mesh); err != nil {
			return fmt.Errorf("the mesh's folder: %w", err)
		}
		if f.detach {
			return detach(cmd, mesh, f)
		}
		return runMesh(cmd, mesh, args[1:], f)
	}
	return cmd
}

// dirs are the arguments before "--".
func dirs(cmd *cobra.Command, args []string) []string {
	if n := cmd.ArgsLenAtDash(); n >= 0 {
		return args[:n]
	}
	return args
}

func runMesh(cmd *cobra.Command, mesh string, command []string, f upFlags) error {
	out, log := cmd.OutOrStdout(), logger(cmd)
	envoy, err := agent.FindEnvoy()
	if err != nil {
		return err
	}
	layout, err := state.For(mesh)
	if err != nil {
		return err
	}
	release, err := layout.Lock()
	if err != nil {
		return err
	}
	defer release()
	for _, dir := range []string{"agents", "workloads", "modules"} {
		if err := os.MkdirAll(layout.Path(dir), 0o700); err != nil {
			return fmt.Errorf("making the state folder: %w", err)
		}
	}
	stop, err := observe.Start(cmd.Context(), layout.Socket("otlp"), "krater", log)
	if err != nil {
		return err
	}
	defer stop()
	began := time.Now()
	return up.Run(cmd.Context(), up.Options{
		Mesh: mesh, Layout: layout, Envoy: envoy, Parts: parts(mesh, f.doors, layout, log), Separate: f.separate,
		Out: out, Quiet: f.quiet, Logger: log, Limit: f.limit,
		Synced: func(ctx context.Context, client *controlplane.Client) (bool, error) {
			if err := summary(ctx, out, client, layout, time.Since(began)); err != nil || len(command) == 0 {
				return false, err
			}
			return f.exit, runCommand(ctx, command, f.exit)
		},
	})
}

// summary says what is up, and where.
func summary(ctx context.Context, w io.Writer, client *controlplane.Client, layout state.Layout, took time.Duration) error {
	status, err := client.Status(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\nmesh %s is up: %d proxies synced in %.1f s\n", status.Mesh, len(status.Proxies), took.Seconds())
	fleet, err := client.Fleet(ctx)
	if err != nil {
		return err
	}
	for _, wl := range fleet.Workloads {
		if !wl.Gateway {
			continue
		}
		for _, p := range wl.Ports {
			fmt.Fprintf(w, "  %-28s http://%s:%d\n", wl.Name, wl.Address, p.AppPort)
		}
	}
	fmt.Fprintf(w, "  logs                         %s\n", layout.Dir)
	if n := len(status.Problems); n > 0 {
		fmt.Fprintf(w, "  %d problems                   krater status\n", n)
	}
	return nil
}
