// Package agent stands beside one Envoy: it writes the bootstrap, starts the
// proxy, starts it again when it dies, and ends it. It never looks at
// requests, and never asks the control plane itself: Envoy does.
package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
)

// Options of one agent.
type Options struct {
	Envoy       string // path of the binary; see FindEnvoy
	StateDir    string // a folder of the agent's own, readable by its user only
	Proxy       Proxy
	Upstreams   Upstreams
	Concurrency int       // Envoy's worker threads; 0: one
	Output      io.Writer // Envoy's log
	Logger      *slog.Logger
}

// PIDFile is where an agent keeps its Envoy's process id, within StateDir.
const PIDFile = "envoy.pid"

// Agent supervises one Envoy.
type Agent struct{ o Options }

// New makes an agent; it starts nothing.
func New(o Options) (*Agent, error) {
	if o.Proxy.ID == "" || o.Proxy.Address == "" {
		return nil, errors.New("an agent needs its workload's name and address")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Output == nil {
		o.Output = io.Discard
	}
	if o.Concurrency == 0 {
		o.Concurrency = 1
	}
	return &Agent{o}, nil
}

// Run keeps an Envoy running until ctx ends, and then ends it. It returns an
// error only where no Envoy can be started at all.
func (a *Agent) Run(ctx context.Context) error {
	file, err := a.writeBootstrap()
	if err != nil {
		return err
	}
	envoy := Process{
		Name: "the envoy of " + a.o.Proxy.ID,
		Path: a.o.Envoy,
		Args: []string{
			"-c", file,
			"--use-dynamic-base-id",
			"--concurrency", fmt.Sprint(a.o.Concurrency),
			"--log-level", "warning",
			// It tells of max_grpc_timeout, which has no good replacement, once a route.
			"--component-log-level", "misc:error",
			"--log-format", "%L %n %v",
		},
		Output:  a.o.Output,
		PIDFile: filepath.Join(a.o.StateDir, PIDFile),
		Logger:  a.o.Logger,
	}
	return envoy.Run(ctx)
}

// writeBootstrap gives the file that Envoy reads at its start.
func (a *Agent) writeBootstrap() (string, error) {
	if err := os.MkdirAll(a.o.StateDir, 0o700); err != nil {
		return "", fmt.Errorf("making the agent's folder: %w", err)
	}
	b, err := Bootstrap(a.o.Proxy, a.o.Upstreams)
	if err != nil {
		return "", err
	}
	text, err := MarshalBootstrap(b)
	if err != nil {
		return "", err
	}
	file := filepath.Join(a.o.StateDir, "bootstrap.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return "", fmt.Errorf("writing envoy's bootstrap: %w", err)
	}
	return file, nil
}
