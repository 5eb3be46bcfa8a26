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
	"strconv"
	"syscall"
	"time"
)

// Process is a program that is kept running.
type Process struct {
	Name    string // for messages
	Path    string
	Args    []string
	Env     []string // "K=V"; nil: this process's own
	Dir     string
	Output  io.Writer           // both of its streams
	PIDFile string              // holds the running child's process id; "" for none
	Began   func(pid int)       // each time; nil: nobody is told
	Ended   func() (again bool) // likewise; again: it is started again at once
	Logger  *slog.Logger
}

// Run starts the program, and starts it again with back-off whenever it ends,
// until ctx ends: then it and the processes that it started get SIGTERM, and
// SIGKILL three seconds later. The error is that of a program which cannot be
// started at all.
func (p Process) Run(ctx context.Context) error {
	restart := backoff{first: 100 * time.Millisecond, most: 10 * time.Second, calm: 20 * time.Second}
	for {
		began := time.Now()
		err := p.once(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrPermission) || errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("starting %s: %w", p.Name, err)
		}
		wait := restart.after(time.Since(began))
		if p.Ended != nil && p.Ended() {
			wait, restart.next = 0, 0
		}
		p.Logger.Warn("a process ended and is started again", "process", p.Name, "reason", reason(err), "in", wait)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

func (p Process) once(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, p.Path, p.Args...)
	cmd.Env, cmd.Dir = p.Env, p.Dir
	cmd.Stdout, cmd.Stderr = p.Output, p.Output
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) } // its whole group
	cmd.WaitDelay = 3 * time.Second
	cmd.SysProcAttr = endWithParent()
	if err := cmd.Start(); err != nil {
		return err
	}
	if p.PIDFile != "" {
		if err := writePID(p.PIDFile, cmd.Process.Pid); err != nil {
			p.Logger.Warn("a process id could not be written", "process", p.Name, "reason", err)
		}
		defer os.Remove(p.PIDFile)
	}
	if p.Began != nil {
		p.Began(cmd.Process.Pid)
	}
	err := cmd.Wait()
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what it left behind may hold its ports
	return err
}

func writePID(file string, pid int) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(strconv.Itoa(pid)+"\n"), 0o600)
}

func reason(err error) string {
	if err == nil {
		return "it exited with 0"
	}
	return err.Error()
}
