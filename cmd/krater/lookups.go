package main

import (
	"context"
	"log/slog"

	"github.com/krater-mesh/krater/agent"
	"github.com/krater-mesh/krater/agent/dns"
)

// lookups answers those of a redirected workload, as soon as the control plane
// has told the names.
func lookups(log *slog.Logger) agent.Task {
	return agent.Task{Name: "lookups", Run: func(ctx context.Context, a *agent.Running) error {
		return dns.Follow(ctx, dns.Options{Logger: log}, a.Names)
	}}
}
