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
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
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
	// Started is told the process id of every Envoy that was started.
	Started func(pid int)
}

// Agent supervises one Envoy.
type Agent struct {
	o       Options
	restart backoff
}

// New makes an agent; it starts nothing.
func New(o Options) (*Agent, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Output == nil {
		o.Output = io.Discard
	}
	if o.Concurrency == 0 {
		o.Concurrency = 1
	}
	if o.Started == nil {
		o.Started = func(int) {}
	}
	if o.Proxy.ID == "" || o.Proxy.Address == "" {
		return nil, errors.New("an agent needs its workload's name and address")
	}
	return &Agent{o: o, restart: backoff{first: 100 * time.Millisecond, most: 10 * time.Second, calm: 20 * time.Second}}, nil
}

// Run keeps an Envoy running until ctx ends, and then ends it. It returns an
// error only where no Envoy can be started at all.
func (a *Agent) Run(ctx context.Context) error {
	file, err := a.writeBootstrap()
	if err != nil {
		return err
	}
	for {
		began := time.Now()
		err := a.runEnvoy(ctx, file)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrPermission) {
			return fmt.Errorf("starting envoy for %s: %w", a.o.Proxy.ID, err)
		}
		wait := a.restart.after(time.Since(began))
		a.o.Logger.Warn("envoy ended and is started again", "proxy", a.o.Proxy.ID, "reason", err, "in", wait)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

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

// runEnvoy runs one Envoy to its end. Its name and logs go to Output; it gets
// SIGTERM when ctx ends, and SIGKILL two seconds later.
func (a *Agent) runEnvoy(ctx context.Context, bootstrap string) error {
	cmd := exec.CommandContext(ctx, a.o.Envoy,
		"-c", bootstrap,
		"--use-dynamic-base-id",
		"--concurrency", fmt.Sprint(a.o.Concurrency),
		"--log-level", "warning",
		"--log-format", "%L %n %v",
		"--drain-time-s", "5",
		"--parent-shutdown-time-s", "6")
	cmd.Stdout, cmd.Stderr = a.o.Output, a.o.Output
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 2 * time.Second
	cmd.SysProcAttr = endWithParent()
	if err := cmd.Start(); err != nil {
		return err
	}
	a.o.Started(cmd.Process.Pid)
	return cmd.Wait()
}
