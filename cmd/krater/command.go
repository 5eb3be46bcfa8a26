package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// runCommand runs what stood behind "--", with krater's own folder first on
// the PATH. Its failure is krater's only where krater is to end with it.
func runCommand(ctx context.Context, command []string, exit bool) error {
	if self, err := os.Executable(); err == nil {
		if err := os.Setenv("PATH", filepath.Dir(self)+string(os.PathListSeparator)+os.Getenv("PATH")); err != nil {
			return fmt.Errorf("setting the PATH: %w", err)
		}
	}
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.WaitDelay = 2 * time.Second
	err := c.Run()
	if err == nil || ctx.Err() != nil {
		return nil
	}
	if !exit {
		fmt.Fprintf(os.Stderr, "krater: %s: %v; the mesh stays up\n", command[0], err)
		return nil
	}
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return exitCode(failed.ExitCode())
	}
	return fmt.Errorf("running %s: %w", command[0], err)
}
