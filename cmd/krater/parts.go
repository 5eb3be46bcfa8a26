package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/krater-mesh/krater/cmd/krater/controlplane"
	"github.com/krater-mesh/krater/cmd/krater/observe"
	"github.com/krater-mesh/krater/cmd/krater/state"
	"github.com/krater-mesh/krater/cmd/krater/up"
	"github.com/krater-mesh/krater/identity/authority"
	"github.com/krater-mesh/krater/listen"
	"github.com/krater-mesh/krater/policyd"
	"github.com/krater-mesh/krater/telemetry"
	"github.com/spf13/cobra"
)

// parts are what `krater up` runs beside the proxies, in the order of their start.
func parts(mesh string, d doors, l state.Layout, log *slog.Logger) []up.Part {
	controlPlane := controlPlaneOptions([]string{mesh}, l, log)
	controlPlane.Agents = append(controlPlane.Agents, d.agents...)
	return []up.Part{
		{
			Name:  "controlplane",
			Run:   func(ctx context.Context) error { return runControlPlane(ctx, controlPlane) },
			Args:  append([]string{"controlplane", mesh, "--state", l.Dir}, d.args("agents")...),
			Ready: []string{l.Socket("xds"), l.Socket("agents"), l.Socket("admin")},
		},
		{
			Name:  "policyd",
			Run:   func(ctx context.Context) error { return d.runPolicyd(ctx, l, log) },
			Args:  append([]string{"policyd", "--state", l.Dir}, d.args("listen")...),
			Ready: []string{l.Socket("policyd")},
		},
		{
			Name:  "collector",
			Run:   func(ctx context.Context) error { return d.runCollector(ctx, l, log) },
			Args:  append([]string{"collector", "--state", l.Dir}, d.args("otlp", "als")...),
			Ready: []string{l.Socket("otlp"), l.Socket("als")},
		},
	}
}

func controlPlaneOptions(paths []string, l state.Layout, log *slog.Logger) controlplane.Options {
	return controlplane.Options{
		Paths: paths, StateDir: l.Path("config"), ModuleDir: l.Path("modules"), Rollouts: l.Path("rollouts.json"),
		XDS: l.Socket("xds"), Agents: []string{l.Socket("agents")}, Admin: l.Socket("admin"),
		CADir: l.Path("ca"), Registered: l.Path("registered"), Denied: l.Path("denied"),
		Logger: log,
	}
}

func policydOptions(l state.Layout, log *slog.Logger) policyd.Options {
	return policyd.Options{
		Listen: l.Socket("policyd"), ControlPlane: l.Socket("xds"), StateDir: l.Path("policyd"), Decisions: l.Socket("otlp"), Logger: log,
	}
}

func collectorOptions(l state.Layout, log *slog.Logger) telemetry.Options {
	return telemetry.Options{
		OTLP: l.Socket("otlp"), ALS: l.Socket("als"), ControlPlane: l.Socket("xds"), StateDir: l.Path("collector"), Logger: log,
	}
}

func runControlPlane(ctx context.Context, o controlplane.Options) error {
	c, err := controlplane.New(o)
	if err != nil {
		return err
	}
	return c.Run(ctx)
}

// part makes the command of one part. Its folder of state holds the sockets by
// which the parts of one machine find each other; flags name others.
func part(use, short string, args cobra.PositionalArgs, run func(cmd *cobra.Command, args []string, l state.Layout) error) *cobra.Command {
	var dir, otlp string
	cmd := &cobra.Command{Use: use, Short: short, Args: args}
	cmd.Flags().StringVar(&dir, "state", "", "Folder of state: sockets, last good versions, modules.")
	cmd.Flags().StringVar(&otlp, "telemetry", "", "Where this part's own traces and metrics go: unix:PATH (default: the collector of the same folder).")
	_ = cmd.MarkFlagRequired("state")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		l, err := state.New(dir)
		if err != nil {
			return err
		}
		if err := l.Make(); err != nil {
			return err
		}
		if otlp == "" {
			otlp = l.Socket("otlp")
		}
		if err := onlyUnix("--telemetry", otlp, "run a collector beside this part"); err != nil {
			return err
		}
		stop, err := observe.Start(cmd.Context(), otlp, "krater-"+cmd.Name(), logger(cmd))
		if err != nil {
			return err
		}
		defer stop()
		return run(cmd, args, l)
	}
	return cmd
}

func controlPlaneCommand() *cobra.Command {
	var xds, ca, admin string
	var agents []string
	var ttl time.Duration
	cmd := part("controlplane PATH... --state DIR", "Serve a configuration to proxies, policyd and the collector.", cobra.MinimumNArgs(1),
		func(cmd *cobra.Command, args []string, l state.Layout) error {
			o := controlPlaneOptions(args, l, logger(cmd))
			override(&o.XDS, xds)
			o.Agents = append(o.Agents, agents...)
			override(&o.CAFiles, ca)
			if o.CertTTL = ttl; ttl < time.Minute || ttl > 90*24*time.Hour {
				return fmt.Errorf("--workload-cert-ttl %s: a certificate is good for 1m to 2160h", ttl)
			}
			override(&o.Admin, admin)
			if err := onlyUnix("--xds", o.XDS, "agents and daemons of other machines come over --agents, with certificates"); err != nil {
				return err
			}
			if err := onlyUnix("--admin", o.Admin, "it is for this machine's administrators"); err != nil {
				return err
			}
			return runControlPlane(cmd.Context(), o)
		})
	cmd.Flags().StringVar(&xds, "xds", "", "Where policyd and the collector of this machine get their configuration, without TLS: unix:PATH (default: unix:STATE/xds.sock).")
	agentsFlag(cmd, &agents)
	cmd.Flags().StringVar(&ca, "ca", "", "Folder of an authority made elsewhere: ca-cert.pem, ca-key.pem, cert-chain.pem, root-cert.pem (default: a root of Krater's own in STATE/ca).")
	cmd.Flags().DurationVar(&ttl, "workload-cert-ttl", authority.DefaultTTL, "How long a workload's certificate is good; it is renewed at half of that, and serves as long without a control plane.")
	cmd.Flags().StringVar(&admin, "admin", "", "Where `krater status` asks: unix:PATH (default: unix:STATE/admin.sock).")
	return cmd
}

// agentsFlag adds --agents.
func agentsFlag(cmd *cobra.Command, agents *[]string) {
	cmd.Flags().StringArrayVar(agents, "agents", nil, "Where agents get certificates, configuration and modules, over TLS, beside unix:STATE/agents.sock: host:port or unix:PATH; several times for several.")
}

// onlyUnix refuses an address that anybody can reach, where nobody is asked
// who they are.
func onlyUnix(flag, target, instead string) error {
	if listen.IsUnix(target) {
		return nil
	}
	return fmt.Errorf("%s %s: this is open to whoever can open its socket, so it is unix:PATH only; %s", flag, target, instead)
}

func override(target *string, value string) {
	if value != "" {
		*target = value
	}
}
