package harness

import (
	"os/exec"
	"syscall"
	"testing"
)

// Process is a program that a test runs.
type Process struct {
	Log *Buffer
	cmd *exec.Cmd
}

// StartProcess runs a command until the test ends, and shows what it said if
// the test failed.
func StartProcess(t testing.TB, cmd *exec.Cmd) *Process {
	t.Helper()
	p := &Process{Log: &Buffer{}, cmd: cmd}
	cmd.Stdout, cmd.Stderr = p.Log, p.Log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", cmd.Path, err)
	}
	t.Cleanup(func() {
		p.end(syscall.SIGTERM)
		if t.Failed() {
			t.Logf("the log of %v:\n%s", cmd.Args, p.Log)
		}
	})
	return p
}

// Kill ends it as a crash does.
func (p *Process) Kill(t testing.TB) {
	t.Helper()
	p.end(syscall.SIGKILL)
}

func (p *Process) end(by syscall.Signal) {
	if p.cmd.ProcessState != nil {
		return
	}
	_ = p.cmd.Process.Signal(by)
	_ = p.cmd.Wait()
}
