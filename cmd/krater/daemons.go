package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"github.com/krater-mesh/krater/cmd/krater/daemon"
	"github.com/krater-mesh/krater/cmd/krater/state"
	"github.com/krater-mesh/krater/identity"
	"github.com/krater-mesh/krater/listen"
	"github.com/krater-mesh/krater/policyd"
	"github.com/krater-mesh/krater/telemetry"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
)

// daemonFlags say how policyd and the collector are reached from other
// machines, and reach a control plane on another.
type daemonFlags struct {
	xds, controlPlane        string
	token, root, trustDomain string
	plaintext                bool
}

func (f *daemonFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.xds, "xds", "", "The control plane of this machine: unix:PATH (default: unix:STATE/xds.sock).")
	flags.StringVar(&f.controlPlane, "controlplane", "", "A control plane elsewhere, where it serves agents: host:port.")
	flags.StringVar(&f.token, "token", "", "File with the token for the first certificate (default: one from the control plane on this machine).")
	flags.StringVar(&f.root, "root", "", "File with the mesh's root certificates, by which the control plane is known.")
	flags.StringVar(&f.trustDomain, "trust-domain", "cluster.local", "The mesh's trust domain, where --token is given.")
	flags.BoolVar(&f.plaintext, "plaintext", false, "Serve host:port in plain text: whoever reaches it is answered and believed, and all can be read on the way.")
	cmd.MarkFlagsRequiredTogether("token", "root")
}

// check refuses what does not go together.
func (f daemonFlags) check() error {
	if f.controlPlane != "" && f.token == "" {
		return errors.New("--controlplane needs --token and --root: krater token create and krater ca roots make them, beside the control plane")
	}
	if f.xds == "" {
		return nil
	}
	return onlyUnix("--xds", f.xds, "a control plane elsewhere is named by --controlplane")
}

// place tells the sockets of this machine, where the parts of a mesh find
// each other, from doors for proxies of others.
func (f daemonFlags) place(target string, socket *string, doors *[]string) {
	if target == "" {
		return
	}
	if listen.IsUnix(target) || f.plaintext {
		*socket = target
		return
	}
	if !slices.Contains(*doors, target) {
		*doors = append(*doors, target)
	}
}

// identity is what a daemon has where it is reached over a network, or reaches
// the control plane over one; nil: it needs none.
func (f daemonFlags) identity(ctx context.Context, name string, doors []string, l state.Layout, log *slog.Logger) (*daemon.Identity, error) {
	if len(doors) == 0 && f.controlPlane == "" {
		return nil, nil
	}
	o := daemon.Options{
		Name: name, Dir: l.Path(name, "identity"), Server: l.Socket("agents"), Admin: l.Path("admin.sock"),
		Token: f.token, Root: f.root, TrustDomain: f.trustDomain, Logger: log,
	}
	override(&o.Server, f.controlPlane)
	return daemon.Open(ctx, o)
}

// reach names the control plane that was given.
func (f daemonFlags) reach(target *string) {
	override(target, f.xds)
	override(target, f.controlPlane)
}

// run runs a daemon, with an identity where it needs one: it serves this
// machine before it has a certificate, and others from then on.
func (f daemonFlags) run(ctx context.Context, name string, doors []string, l state.Layout, log *slog.Logger, serve func(context.Context, listen.Network) error) error {
	id, err := f.identity(ctx, name, doors, l, log)
	if err != nil {
		return err
	}
	network := listen.Network{Plain: f.plaintext}
	if id == nil {
		return serve(ctx, network)
	}
	network.Server, network.Caller = id.ServerTLS(), id.Caller
	if f.controlPlane != "" {
		network.Dial = id.Dial()
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return id.Run(ctx) })
	group.Go(func() error { return serve(ctx, network) })
	return group.Wait()
}

func (f daemonFlags) runPolicyd(ctx context.Context, o policyd.Options, l state.Layout) error {
	f.reach(&o.ControlPlane)
	return f.run(ctx, identity.Policyd, o.Doors, l, o.Logger, func(ctx context.Context, n listen.Network) error {
		o.Network = n
		return policyd.Run(ctx, o)
	})
}

func (f daemonFlags) runCollector(ctx context.Context, o telemetry.Options, l state.Layout) error {
	f.reach(&o.ControlPlane)
	return f.run(ctx, identity.Collector, o.Doors, l, o.Logger, func(ctx context.Context, n listen.Network) error {
		o.Network = n
		return telemetry.Run(ctx, o)
	})
}

func policydCommand() *cobra.Command {
	var listen string
	var f daemonFlags
	var a aloneFlags
	cmd := part("policyd --state DIR | policyd --config FILE [MODULE|DATA...]", "Answer Envoy's authorization questions by Rego policies.", a.args,
		func(cmd *cobra.Command, _ []string, l state.Layout) error {
			o := policydOptions(l, logger(cmd))
			f.place(listen, &o.Listen, &o.Doors)
			if err := f.check(); err != nil {
				return err
			}
			return f.runPolicyd(cmd.Context(), o, l)
		})
	cmd.Flags().StringVar(&listen, "listen", "", "Where ext_authz is served: unix:PATH (default: unix:STATE/policyd.sock); or beside that, for the mesh's proxies on other machines, host:port with mutual TLS.")
	f.add(cmd)
	a.add(cmd, &f)
	return cmd
}

func collectorCommand() *cobra.Command {
	var otlp, als string
	var f daemonFlags
	cmd := part("collector --state DIR", "Take logs, metrics and traces, and send them to the declared backends.", cobra.NoArgs,
		func(cmd *cobra.Command, _ []string, l state.Layout) error {
			o := collectorOptions(l, logger(cmd))
			f.place(otlp, &o.OTLP, &o.Doors)
			f.place(als, &o.ALS, &o.Doors)
			if err := f.check(); err != nil {
				return err
			}
			return f.runCollector(cmd.Context(), o, l)
		})
	cmd.Flags().StringVar(&otlp, "otlp", "", "Where OTLP is taken: unix:PATH (default: unix:STATE/otlp.sock); or beside that, from the mesh's proxies on other machines, host:port with mutual TLS.")
	cmd.Flags().StringVar(&als, "als", "", "Where Envoy's access logs are taken: likewise (default: unix:STATE/als.sock). One host:port can serve both.")
	f.add(cmd)
	return cmd
}
