package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/krater-mesh/krater/test/bench/process"
)

// plane is a running `krater controlplane`.
type plane struct {
	command *exec.Cmd
	state   string
	log     bytes.Buffer
	ended   chan error
}

// start runs the binary over a folder, and waits until it serves.
func start(ctx context.Context, binary, folder, state string, limit time.Duration) (*plane, error) {
	p := &plane{state: state, ended: make(chan error, 1)}
	p.command = exec.Command(binary, "controlplane", folder, "--state", state)
	p.command.Stdout, p.command.Stderr = &p.log, &p.log
	p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("starting the control plane: %w", err)
	}
	go func() { p.ended <- p.command.Wait() }()
	end := time.After(limit)
	for {
		if _, err := os.Stat(p.socket("admin")); err == nil {
			return p, nil
		}
		select {
		case err := <-p.ended:
			return nil, fmt.Errorf("the control plane ended: %v\n%s", err, p.log.Bytes())
		case <-end:
			p.stop()
			return nil, fmt.Errorf("the control plane does not serve after %v", limit)
		case <-ctx.Done():
			p.stop()
			return nil, ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (p *plane) socket(name string) string { return filepath.Join(p.state, name+".sock") }

func (p *plane) pid() int { return p.command.Process.Pid }

// stop ends the process, which may have gone already.
func (p *plane) stop() {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(5 * time.Second):
		_ = p.command.Process.Kill()
		<-p.ended
	}
}

// guard ends the process when it has more memory than allowed.
func (p *plane) guard(ctx context.Context, limit int64, over func()) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			mine, _ := process.Memory(os.Getpid())
			if m, err := process.Memory(p.pid()); err == nil && m.Resident+mine.Resident > limit {
				over()
				return
			}
		}
	}
}
