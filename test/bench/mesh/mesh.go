// Package mesh runs a folder of configuration as a mesh of its own for a
// benchmark: a copy in addresses nothing else uses, started by `krater up`.
// Whatever it starts ends with it, and it never touches another mesh.
package mesh

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Options of a mesh.
type Options struct {
	From string // the folder to copy
	Bin  string // the folder of krater and the workloads' programs
	// Edit changes a file of the copy, by its name; "" leaves it out.
	Edit  func(name, text string) string
	Limit time.Duration // the longest its start may take
}

// Mesh is one that runs.
type Mesh struct {
	Dir     string        // its configuration, to be edited
	Network string        // "127.x": it has 127.80 where the folder's files say so
	Started time.Duration // from the start of the binary until every proxy was synced

	root  string // everything it keeps
	cmd   *exec.Cmd
	log   *output
	ended chan struct{}
}

// Start runs `krater up --separate` and returns once every proxy is synced.
func Start(ctx context.Context, o Options) (*Mesh, error) {
	network, err := freeNetwork()
	if err != nil {
		return nil, err
	}
	root, err := os.MkdirTemp("", "kb") // short: Unix sockets have little room
	if err != nil {
		return nil, fmt.Errorf("making the mesh's folder: %w", err)
	}
	m := &Mesh{
		Dir: filepath.Join(root, "mesh"), Network: network, root: root,
		log: newOutput(" is up: "), ended: make(chan struct{}),
	}
	if err := m.copy(o); err != nil {
		os.RemoveAll(root)
		return nil, err
	}
	began := time.Now()
	if err := m.start(o); err != nil {
		os.RemoveAll(root)
		return nil, err
	}
	if err := m.await(ctx, o.Limit); err != nil {
		return nil, errors.Join(err, m.Stop())
	}
	m.Started = time.Since(began)
	return m, nil
}

func (m *Mesh) start(o Options) error {
	m.cmd = exec.Command(filepath.Join(o.Bin, "krater"), "up", m.Dir, "--separate", "--quiet", "--timeout", o.Limit.String())
	m.cmd.Env = append(os.Environ(), "KRATER_STATE="+filepath.Join(m.root, "s"))
	m.cmd.Stdout, m.cmd.Stderr = m.log, m.log
	// A process group of its own: the terminal's Ctrl-C reaches the benchmark,
	// which then ends the mesh in order.
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := m.cmd.Start(); err != nil {
		return fmt.Errorf("starting krater up: %w", err)
	}
	go func() {
		_ = m.cmd.Wait()
		close(m.ended)
	}()
	return nil
}

func (m *Mesh) await(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit+5*time.Second)
	defer cancel()
	select {
	case <-m.log.seen:
		return nil
	case <-m.ended:
		return fmt.Errorf("krater up ended:\n%s", m.log)
	case <-ctx.Done():
		return fmt.Errorf("waiting for the mesh: %w\n%s", ctx.Err(), m.log)
	}
}

// Stop ends the mesh as Ctrl-C does, and removes its folder.
func (m *Mesh) Stop() error {
	defer os.RemoveAll(m.root)
	_ = m.cmd.Process.Signal(os.Interrupt)
	select {
	case <-m.ended:
		return nil
	case <-time.After(20 * time.Second):
	}
	_ = m.cmd.Process.Kill()
	<-m.ended
	return fmt.Errorf("krater up did not end within 20 s of an interrupt:\n%s", m.log)
}

// Log is what krater up printed.
func (m *Mesh) Log() string { return m.log.String() }

// Write puts a file of the configuration in place, in one step as editors do,
// and says when.
func (m *Mesh) Write(name, text string) (time.Time, error) {
	beside := filepath.Join(m.root, "edit")
	if err := os.WriteFile(beside, []byte(strings.ReplaceAll(text, declared, m.Network+".")), 0o644); err != nil {
		return time.Time{}, fmt.Errorf("writing %s: %w", name, err)
	}
	began := time.Now()
	if err := os.Rename(beside, filepath.Join(m.Dir, name)); err != nil {
		return time.Time{}, fmt.Errorf("writing %s: %w", name, err)
	}
	return began, nil
}
