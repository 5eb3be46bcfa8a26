package main

import (
	"context"
	"log/slog"

	"github.com/krater-mesh/krater/cmd/krater/state"
	"github.com/spf13/cobra"
)

// doors are where proxies of other machines reach the parts of a mesh that
// runs on this one: each "host:port", none unless it is named.
type doors struct {
	agents             []string
	policyd, otlp, als string
}

func (d *doors) add(cmd *cobra.Command) {
	agentsFlag(cmd, &d.agents)
	flags := cmd.Flags()
	flags.StringVar(&d.policyd, "policyd", "", "Where proxies of other machines ask the policy daemon, too: host:port, with mutual TLS.")
	flags.StringVar(&d.otlp, "otlp", "", "Where they send spans and metrics, too: host:port, with mutual TLS.")
	flags.StringVar(&d.als, "als", "", "Where they send access logs, too: host:port, with mutual TLS; it may be that of --otlp.")
}

// args are the flags that say the same to a process of its own.
func (d doors) args(flags ...string) []string {
	values := map[string][]string{"agents": d.agents, "policyd": {d.policyd}, "listen": {d.policyd}, "otlp": {d.otlp}, "als": {d.als}}
	var out []string
	for _, flag := range flags {
		for _, v := range values[flag] {
			if v != "" {
				out = append(out, "--"+flag, v)
			}
		}
	}
	return out
}

func (d doors) runPolicyd(ctx context.Context, l state.Layout, log *slog.Logger) error {
	o, f := policydOptions(l, log), daemonFlags{}
	f.place(d.policyd, &o.Listen, &o.Doors)
	return f.runPolicyd(ctx, o, l)
}

func (d doors) runCollector(ctx context.Context, l state.Layout, log *slog.Logger) error {
	o, f := collectorOptions(l, log), daemonFlags{}
	f.place(d.otlp, &o.OTLP, &o.Doors)
	f.place(d.als, &o.ALS, &o.Doors)
	return f.runCollector(ctx, o, l)
}
