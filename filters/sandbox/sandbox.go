// Package sandbox runs one filter in a throwaway Envoy before an upstream that
// echoes, all on loopback. It is for people who write filters; no mesh is near.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Options of a sandbox.
type Options struct {
	Envoy string // its binary
	// Concurrency is the number of Envoy's workers; 0: 1.
	Concurrency int
	// Services are further upstreams, for the filter's own calls: clusters by
	// name, and what each answers.
	Services map[string]func(Seen) *Answer
}

// Sandbox is a running Envoy. Close ends it.
type Sandbox struct {
	dir      string
	address  string // of the listener
	upstream *upstream
	services map[string]*upstream
	envoy    *exec.Cmd
	ended    chan struct{}
	log      *tail
	admin    *http.Client
	mu       sync.Mutex // of loads
	loads    int
}

// Start starts an Envoy with no filter yet.
func Start(ctx context.Context, o Options) (*Sandbox, error) {
	dir, err := os.MkdirTemp("", "krater-sandbox-") // short: a socket's path has 107 bytes
	if err != nil {
		return nil, fmt.Errorf("starting a sandbox: %w", err)
	}
	s := &Sandbox{dir: dir, services: map[string]*upstream{}, log: newTail(400), ended: make(chan struct{})}
	s.admin = adminClient(s.path("admin.sock"))
	if err := s.start(ctx, o.Envoy, max(o.Concurrency, 1), o.Services); err != nil {
		s.Close()
		return nil, fmt.Errorf("starting a sandbox: %w", err)
	}
	return s, nil
}

func (s *Sandbox) path(name string) string { return filepath.Join(s.dir, name) }

func (s *Sandbox) start(ctx context.Context, binary string, concurrency int, services map[string]func(Seen) *Answer) error {
	var err error
	if s.upstream, err = serveUpstream(nil); err != nil {
		return err
	}
	for name, answer := range services {
		if s.services[name], err = serveUpstream(answer); err != nil {
			return err
		}
	}
	if s.address, err = freeAddress(); err != nil {
		return err
	}
	if err := s.writeBootstrap(); err != nil {
		return err
	}
	s.envoy = exec.Command(binary, "-c", s.path("envoy.json"), "--use-dynamic-base-id",
		"--concurrency", fmt.Sprint(concurrency), "--log-level", "warning", "--component-log-level", "wasm:info", "--log-format", logFormat)
	s.envoy.Stdout, s.envoy.Stderr = s.log, s.log
	s.envoy.SysProcAttr = endWithParent()
	if err := s.envoy.Start(); err != nil {
		s.envoy = nil
		return err
	}
	go func() { _ = s.envoy.Wait(); close(s.ended) }()
	return s.until(ctx, 30*time.Second, "Envoy to start", func() error {
		_, err := s.ask(ctx, "/ready")
		return err
	})
}

// URL is where requests for the filter go.
func (s *Sandbox) URL() string { return "http://" + s.address }

// Address is that of URL, "host:port".
func (s *Sandbox) Address() string { return s.address }

// PID is Envoy's process id.
func (s *Sandbox) PID() int { return s.envoy.Process.Pid }

// Log gives Envoy's last lines, the filter's among them, and forgets them.
func (s *Sandbox) Log() []string { return s.log.take() }

// Ended is closed once Envoy is gone.
func (s *Sandbox) Ended() <-chan struct{} { return s.ended }

// Close ends Envoy and removes what it left.
func (s *Sandbox) Close() {
	if s.envoy != nil {
		_ = s.envoy.Process.Signal(syscall.SIGTERM)
		select {
		case <-s.ended:
		case <-time.After(3 * time.Second):
			_ = s.envoy.Process.Kill()
			<-s.ended
		}
	}
	if s.upstream != nil {
		s.upstream.close()
	}
	for _, u := range s.services {
		u.close()
	}
	s.admin.CloseIdleConnections()
	os.RemoveAll(s.dir)
}

// until waits for a condition. It ends early where Envoy is gone.
func (s *Sandbox) until(ctx context.Context, limit time.Duration, what string, ok func() error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ok()
		if err == nil {
			return nil
		}
		var final refusal
		if errors.As(err, &final) {
			return err
		}
		select {
		case <-s.ended:
			return fmt.Errorf("waiting for %s: Envoy ended:\n%s", what, s.log.last(10))
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, err)
		case <-tick.C:
		}
	}
}

// freeAddress gives a port of loopback that nobody has just now.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
