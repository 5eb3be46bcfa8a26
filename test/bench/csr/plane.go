package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const (
	trustDomain = "cluster.local"
	namespace   = "bench"
	account     = "agent"
)

func name(i int) string { return fmt.Sprintf("w-%04d", i) }

// writeMesh declares as many workloads as there are to be CSRs: nobody else
// gets a certificate.
func writeMesh(dir string, n int) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "apiVersion: krater.dev/v1alpha1\nkind: Mesh\nmetadata: {name: bench}\nspec:\n  local: {network: 127.64.0.0/12}\n  workloads:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - {name: %s, namespace: %s, serviceAccount: %s, ports: [{name: http, port: 8080}]}\n", name(i), namespace, account)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "mesh.yaml"), b.Bytes(), 0o600)
}

// plane is a running `krater controlplane`.
type plane struct {
	command *exec.Cmd
	state   string
	agents  string
	log     *os.File
	ended   chan error
}

// start runs the binary over the mesh in a folder, and waits until it serves.
func start(ctx context.Context, binary, dir string) (*plane, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &plane{state: filepath.Join(dir, "state"), agents: l.Addr().String(), ended: make(chan error, 1)}
	l.Close()
	if p.log, err = os.Create(filepath.Join(dir, "log")); err != nil {
		return nil, err
	}
	p.command = exec.Command(binary, "controlplane", filepath.Join(dir, "mesh"), "--state", p.state, "--agents", p.agents)
	p.command.Stdout, p.command.Stderr = p.log, p.log
	p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("starting the control plane: %w", err)
	}
	go func() { p.ended <- p.command.Wait() }()
	end := time.After(2 * time.Minute)
	for {
		if _, err := os.Stat(p.socket()); err == nil {
			return p, nil
		}
		select {
		case err := <-p.ended:
			return nil, fmt.Errorf("the control plane ended: %v\n%s", err, p.tail())
		case <-end:
			p.stop()
			return nil, fmt.Errorf("the control plane does not serve\n%s", p.tail())
		case <-ctx.Done():
			p.stop()
			return nil, ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (p *plane) socket() string { return filepath.Join(p.state, "admin.sock") }

func (p *plane) pid() int { return p.command.Process.Pid }

// tail is the end of what it logged.
func (p *plane) tail() []byte {
	text, err := os.ReadFile(p.log.Name())
	if err != nil {
		return []byte(err.Error())
	}
	return text[max(0, len(text)-2000):]
}

// stop ends the process, which may have gone already.
func (p *plane) stop() {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(5 * time.Second):
		_ = p.command.Process.Kill()
		<-p.ended
	}
	p.log.Close()
}
