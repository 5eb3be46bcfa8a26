package netns

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/krater-mesh/krater/test/harness"
)

// Command is a program for a host.
type Command struct {
	UID  int // also the group; 0 is root
	Args []string
	Env  []string // beside PATH and HOME
	Dir  string
	In   string
}

func (h *Host) cmd(ctx context.Context, c Command) *exec.Cmd {
	path := c.Args[0]
	if !strings.Contains(path, "/") {
		if found, err := exec.LookPath(path); err == nil {
			path = found
		}
	}
	cmd := exec.CommandContext(ctx, path, c.Args[1:]...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=/tmp"}, c.Env...)
	cmd.Dir = c.Dir
	if c.In != "" {
		cmd.Stdin = strings.NewReader(c.In)
	}
	// A group of its own: what it starts ends with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if c.UID != 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(c.UID), Gid: uint32(c.UID)}
	}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd
}

// Try runs a program to its end, within 30 s, and gives its output of both
// kinds and its exit code; -1: it could not be run.
func (h *Host) Try(c Command) (string, int) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cmd := h.cmd(ctx, c)
	out := &harness.Buffer{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := h.space.on(cmd.Start); err != nil {
		return err.Error(), -1
	}
	err := cmd.Wait()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		return out.String() + err.Error(), -1
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

// Run is Try for a program that must end well, as root.
func (h *Host) Run(args ...string) string {
	h.t.Helper()
	out, code := h.Try(Command{Args: args})
	if code != 0 {
		h.t.Fatalf("%s: %s ended with %d:\n%s", h.Name, strings.Join(args, " "), code, out)
	}
	return out
}

// Process is a program that runs on a host until the test ends.
type Process struct {
	Log   *harness.Buffer
	PID   int
	Ended chan struct{}
	name  string
}

// Start starts a program.
func (h *Host) Start(c Command) *Process {
	h.t.Helper()
	cmd := h.cmd(context.Background(), c)
	p := &Process{Log: &harness.Buffer{}, Ended: make(chan struct{}), name: h.Name + ": " + strings.Join(c.Args, " ")}
	cmd.Stdout, cmd.Stderr = p.Log, p.Log
	cmd.WaitDelay = time.Second
	if err := h.space.on(cmd.Start); err != nil {
		h.t.Fatalf("starting %s: %v", p.name, err)
	}
	p.PID = cmd.Process.Pid
	go func() {
		_ = cmd.Wait()
		close(p.Ended)
	}()
	h.t.Cleanup(func() {
		p.Signal(syscall.SIGKILL)
		<-p.Ended
		if h.t.Failed() {
			h.t.Logf("%s:\n%s", p.name, tail(p.Log.String()))
		}
	})
	return p
}

// Signal sends a signal to the program and what it started.
func (p *Process) Signal(s syscall.Signal) { _ = syscall.Kill(-p.PID, s) }

// Stop ends the program as an operator does, and waits for it.
func (p *Process) Stop(t testing.TB) {
	t.Helper()
	p.Signal(syscall.SIGTERM)
	select {
	case <-p.Ended:
	case <-time.After(20 * time.Second):
		t.Errorf("%s did not end within 20 s of SIGTERM", p.name)
		p.Signal(syscall.SIGKILL)
		<-p.Ended
	}
}

// tail is the end of a long log.
func tail(s string) string {
	const most = 8000
	if len(s) > most {
		return "…" + s[len(s)-most:]
	}
	return s
}
