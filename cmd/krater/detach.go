package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/krater-mesh/krater/cmd/krater/controlplane"
	"github.com/krater-mesh/krater/cmd/krater/state"
	"github.com/spf13/cobra"
)

// detach starts the same command in a session of its own, and waits until its
// mesh is synced.
func detach(cmd *cobra.Command, mesh string, f upFlags) error {
	layout, err := state.For(mesh)
	if err != nil {
		return err
	}
	if err := layout.Make(); err != nil {
		return err
	}
	if pid, ok := layout.PID(); ok {
		return fmt.Errorf("the mesh is %w as process %d: `krater status` shows it, `krater down` ends it", state.ErrRunning, pid)
	}
	child, ended, err := startDetached(layout, mesh, f)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "starting the mesh of %s as process %d; its log is %s\n", mesh, child.Pid, layout.Path("up.log"))
	client := controlplane.NewClient(layout.Path("admin.sock"))
	began := time.Now()
	for {
		if status, err := client.Status(cmd.Context()); err == nil && status.Synced() {
			return summary(cmd.Context(), out, client, layout, time.Since(began))
		}
		select {
		case <-ended:
			printTail(cmd.ErrOrStderr(), layout.Path("up.log"))
			return fmt.Errorf("the mesh ended before it was synced")
		case <-cmd.Context().Done():
			return child.Signal(syscall.SIGTERM)
		case <-time.After(100 * time.Millisecond):
		}
		if time.Since(began) > f.limit {
			_ = child.Signal(syscall.SIGTERM)
			return fmt.Errorf("the mesh was not synced within %s and is ended; its log is %s", f.limit, layout.Path("up.log"))
		}
	}
}

func startDetached(layout state.Layout, mesh string, f upFlags) (*os.Process, <-chan struct{}, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, fmt.Errorf("finding krater's own binary: %w", err)
	}
	log, err := os.OpenFile(layout.Path("up.log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("opening the log: %w", err)
	}
	defer log.Close()
	args := append([]string{"up", mesh, "--timeout", f.limit.String()}, f.doors.args("agents", "policyd", "otlp", "als")...)
	if f.separate {
		args = append(args, "--separate")
	}
	c := exec.Command(self, args...)
	c.Stdout, c.Stderr = log, log
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := c.Start(); err != nil {
		return nil, nil, fmt.Errorf("starting the mesh: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		_ = c.Wait()
		close(ended)
	}()
	return c.Process, ended, nil
}

// printTail prints the end of a log.
func printTail(w io.Writer, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		return
	}
	const most = 4 << 10
	if len(text) > most {
		text = text[len(text)-most:]
	}
	_, _ = w.Write(text)
}
