// Package harness starts real parts for tests: an Envoy, a process, a free
// port. Whatever it starts ends with the test. It never replaces a part by a
// fake, and never sleeps for luck: waiting has a condition and a deadline.
package harness

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Root is the repository's folder.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}

// EnvoyPath finds the real Envoy: $ENVOY, the PATH, then the project's own.
// A test that needs it fails where there is none.
func EnvoyPath(t testing.TB) string {
	t.Helper()
	if p := os.Getenv("ENVOY"); p != "" {
		return p
	}
	if p, err := exec.LookPath("envoy"); err == nil {
		return p
	}
	p := filepath.Join(Root(), ".tools", "envoy-1.40.0", "envoy")
	if _, err := os.Stat(p); err != nil {
		t.Fatalf("no Envoy: %v; run `make envoy`, or set ENVOY", err)
	}
	return p
}

// freePorts are below what the kernel gives out by itself: a port of theirs
// could be another listener's before its finder binds it.
const firstFree, freePorts = 10000, 5000

var lastFree atomic.Int64

// FreePort gives a TCP port on 127.0.0.1 that nothing listens on, and that it
// has not given before.
func FreePort(t testing.TB) int {
	t.Helper()
	lastFree.CompareAndSwap(0, int64(os.Getpid()*37))
	for range freePorts {
		port := firstFree + int(lastFree.Add(1)%freePorts)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		l.Close()
		return port
	}
	t.Fatalf("none of the ports from %d to %d is free", firstFree, firstFree+freePorts-1)
	return 0
}

// Until waits for a condition, and fails the test at the deadline with the
// last reason it gave.
func Until(t testing.TB, limit time.Duration, what string, ok func() error) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := ok()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waiting %s for %s: %v", limit, what, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Envoy is a running proxy.
type Envoy struct {
	Admin string // "http://127.0.0.1:port"
	Log   *Buffer
	cmd   *exec.Cmd
}

// ValidateEnvoy runs `envoy --mode validate` on a bootstrap (YAML or JSON).
func ValidateEnvoy(t testing.TB, bootstrap []byte) error {
	t.Helper()
	file := filepath.Join(t.TempDir(), "envoy.yaml")
	if err := os.WriteFile(file, bootstrap, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(EnvoyPath(t), "--mode", "validate", "-c", file, "--log-level", "error").CombinedOutput()
	if err != nil {
		return fmt.Errorf("envoy refuses %s: %w\n%s", file, err, out)
	}
	return nil
}

// StartEnvoy runs an Envoy with a bootstrap whose admin page is at the given
// port of 127.0.0.1, and waits until it is live.
func StartEnvoy(t testing.TB, bootstrap []byte, adminPort int) *Envoy {
	t.Helper()
	return StartEnvoyAt(t, bootstrap, fmt.Sprintf("http://127.0.0.1:%d", adminPort))
}

// StartEnvoyAt is StartEnvoy for an admin page at any URL. A bootstrap that
// does not say where its identity is served gets that of its node's workload,
// with the default service account.
func StartEnvoyAt(t testing.TB, bootstrap []byte, admin string) *Envoy {
	t.Helper()
	if hasIdentity.Match(bootstrap) {
		return StartEnvoyAs(t, nil, bootstrap, admin)
	}
	return StartEnvoyAs(t, NewIdentity(t, whose(bootstrap)), bootstrap, admin)
}

// StartEnvoyAs is StartEnvoyAt with an identity, if it is not nil, for a
// bootstrap that does not say where one is served.
func StartEnvoyAs(t testing.TB, i *Identity, bootstrap []byte, admin string) *Envoy {
	t.Helper()
	file := filepath.Join(t.TempDir(), "envoy.yaml")
	if err := os.WriteFile(file, bootstrap, 0o600); err != nil {
		t.Fatal(err)
	}
	e := &Envoy{Admin: admin, Log: &Buffer{}}
	e.cmd = exec.Command(EnvoyPath(t), "-c", file, "--use-dynamic-base-id", "--log-level", "warning", "--component-log-level", "misc:error", "--concurrency", "1")
	e.cmd.Args = append(e.cmd.Args, i.args(t)...)
	e.cmd.Stdout, e.cmd.Stderr = e.Log, e.Log
	e.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := e.cmd.Start(); err != nil {
		t.Fatalf("starting envoy: %v", err)
	}
	t.Cleanup(func() {
		_ = e.cmd.Process.Kill()
		_, _ = e.cmd.Process.Wait()
		if t.Failed() {
			t.Logf("envoy's log:\n%s", e.Log)
		}
	})
	Until(t, 60*time.Second, "envoy to be live", func() error {
		res, err := http.Get(e.Admin + "/ready")
		if err != nil {
			return fmt.Errorf("%w\n%s", err, e.Log)
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("ready answers %d", res.StatusCode)
		}
		return nil
	})
	return e
}

// Buffer is a bytes.Buffer that goroutines can share.
type Buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// String is all that was written.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Clone(b.b.String())
}

// PID is Envoy's process, for what /proc says of it.
func (e *Envoy) PID() int { return e.cmd.Process.Pid }
