package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/krater-mesh/krater/agent"
	"github.com/krater-mesh/krater/cmd/krater/controlplane"
	"github.com/krater-mesh/krater/cmd/krater/state"
	"github.com/krater-mesh/krater/cmd/krater/up"
	"github.com/spf13/cobra"
)

// agentFlags are those of `krater agent`.
type agentFlags struct {
	workload, address, locality string
	token, root, trustDomain    string
	account                     string // what the certificate has to say; "": anything
	vm, statusAddress           string
	execProbes                  bool
	drain, reportEvery          time.Duration
	up                          agent.Upstreams
	concurrency                 int
	logLevel, componentLevels   string
}

func agentCommand() *cobra.Command {
	var f agentFlags
	cmd := part("agent --state DIR --address IP [--workload NAMESPACE/NAME | --token FILE --root FILE]", "Run the Envoy of one workload.", cobra.NoArgs,
		func(cmd *cobra.Command, _ []string, l state.Layout) error { return runAgent(cmd, l, f) })
	cmd.Long = `Run the Envoy of one workload: get its certificate and keep it new, relay its
configuration, keep the last good one, and start Envoy again when it dies. With
the control plane away an Envoy starts from the last good configuration, as long
as the certificate lasts.

Who the workload is, the token says: krater token create makes one. Beside the
control plane, in the same folder of state, none is needed.`
	cmd.Example = "  krater agent --state DIR --address 10.0.0.7 --controlplane mesh.example:15012 --token token --root root-cert.pem"
	flags := cmd.Flags()
	flags.StringVar(&f.workload, "workload", "", "The workload, NAMESPACE/NAME (default: who the token is for).")
	flags.StringVar(&f.address, "address", "", "The workload's address.")
	flags.StringVar(&f.locality, "locality", "", "Where it stands, REGION/ZONE/SUBZONE.")
	flags.StringVar(&f.token, "token", "", "File with the token for the first certificate (default: one from the control plane on this machine).")
	flags.StringVar(&f.root, "root", "", "File with the mesh's root certificates, by which the control plane is known.")
	flags.StringVar(&f.trustDomain, "trust-domain", "cluster.local", "The mesh's trust domain.")
	flags.StringVar(&f.up.ControlPlane, "controlplane", "", "Where the control plane serves agents: unix:PATH or host:port (default: unix:STATE/agents.sock).")
	flags.StringVar(&f.up.Policyd, "policyd", "", "The policy daemon (default: unix:STATE/policyd.sock).")
	flags.StringVar(&f.up.OTLP, "otlp", "", "The collector's OTLP receiver (default: unix:STATE/otlp.sock).")
	flags.StringVar(&f.up.ALS, "als", "", "The collector's access log receiver (default: unix:STATE/als.sock).")
	flags.IntVar(&f.concurrency, "concurrency", 1, "Envoy's worker threads; 0 is one for each processor.")
	flags.StringVar(&f.logLevel, "log-level", "", "What Envoy logs: trace, debug, info, warning, error, critical or off (default warning).")
	flags.StringVar(&f.componentLevels, "component-log-level", "", "What Envoy's components log, COMPONENT:LEVEL with commas between.")
	flags.StringVar(&f.vm, "vm", "", "Folder of `krater workload entry configure`, in place of most of these flags.")
	flags.DurationVar(&f.drain, "drain", 0, "How long connections are waited for when the agent ends, at most a minute (default: as the Mesh says).")
	flags.DurationVar(&f.reportEvery, "report-every", agent.DefaultReportEvery, "How often the control plane is told how the proxy is.")
	flags.BoolVar(&f.execProbes, "exec-probes", false, "Let the probe of the workload's WorkloadGroup run commands on this machine.")
	flags.StringVar(&f.statusAddress, "status-address", "", "Where questions are answered, ports 15020 and 15021 (default: the workload's address if it is a loopback one, else 127.0.0.1).")
	cmd.MarkFlagsOneRequired("address", "vm")
	return cmd
}

func runAgent(cmd *cobra.Command, l state.Layout, f agentFlags) error {
	if f.vm != "" {
		if err := f.fromMachine(f.vm); err != nil {
			return err
		}
	}
	ctx, quit := context.WithCancel(cmd.Context())
	defer quit()
	cared, err := f.care(os.Getenv, quit, logger(cmd))
	if err != nil {
		return err
	}
	o, err := f.options(l)
	if err != nil {
		return err
	}
	up.Care(&o, cared, func() bool { return false })
	o.Beside = append(o.Beside, lookups(logger(cmd)))
	if o.Envoy, err = agent.FindEnvoy(); err != nil {
		return err
	}
	o.Output, o.Logger = os.Stderr, logger(cmd)
	if f.token == "" && f.root == "" {
		ctx, cancel := context.WithTimeout(cmd.Context(), 5*time.Second)
		err := up.Admit(ctx, controlplane.NewClient(l.Path("admin.sock")), o.Proxy.ID, &o)
		cancel()
		if err != nil { // with an identity from before the agent can start
			o.Logger.Warn("no token from the control plane of this folder", "reason", err)
		}
	}
	a, err := agent.New(o)
	if err != nil {
		return err
	}
	return a.Run(ctx)
}

// options are what the flags say.
func (f agentFlags) options(l state.Layout) (agent.Options, error) {
	o := agent.Options{TrustDomain: f.trustDomain, TokenFile: f.token, Upstreams: f.up, StateDir: l.Path("agent")}
	o.Proxy = agent.Proxy{Address: f.address, Locality: f.locality, ServiceAccount: f.account}
	o.ReportEvery = f.reportEvery
	o.LogLevel, o.ComponentLogLevel, o.Concurrency = f.logLevel, f.componentLevels, f.concurrency
	if f.concurrency <= 0 {
		o.Concurrency = runtime.GOMAXPROCS(0)
	}
	if f.workload != "" {
		var err error
		if o.Proxy, err = agent.ParseProxy(f.workload, f.address); err != nil {
			return o, fmt.Errorf("--workload: %w", err)
		}
		o.Proxy.Locality = f.locality
		o.StateDir, o.SocketDir = l.Agent(f.workload), l.AgentSockets(f.workload)
	}
	if f.workload == "" && f.token == "" {
		return o, fmt.Errorf("say which workload: --workload NAMESPACE/NAME, or --token FILE")
	}
	if f.root != "" {
		var err error
		if o.Roots, err = os.ReadFile(f.root); err != nil {
			return o, fmt.Errorf("--root: %w", err)
		}
	}
	for _, u := range []struct {
		target *string
		part   string
	}{{&o.Upstreams.ControlPlane, "agents"}, {&o.Upstreams.Policyd, "policyd"}, {&o.Upstreams.OTLP, "otlp"}, {&o.Upstreams.ALS, "als"}} {
		if *u.target == "" {
			*u.target = l.Socket(u.part)
		}
	}
	return o, nil
}
