package agent

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no %s within 10 s", what)
		}
	}
}

func pid(file string) int {
	text, _ := os.ReadFile(file)
	n, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return n
}

func TestAKilledProcessComesBack(t *testing.T) {
	file := filepath.Join(t.TempDir(), "child.pid")
	out := &log{}
	p := Process{Name: "child", Path: "/bin/sh", Args: []string{"-c", "echo up; exec sleep 60"},
		Output: out, PIDFile: file, Logger: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()

	until(t, "first greeting", func() bool { return pid(file) != 0 && strings.Count(out.String(), "up") == 1 })
	first := pid(file)
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	until(t, "second start", func() bool { n := pid(file); return n != 0 && n != first })
	until(t, "second greeting", func() bool { return strings.Count(out.String(), "up") == 2 })
	second := pid(file)
	cancel()
	if err := <-ended; err != nil {
		t.Fatalf("Run: %v", err)
	}
	if err := syscall.Kill(second, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the child is still there after Run: %v", err)
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the pid file is still there: %v", err)
	}
}

// TestChildrenEndWithTheirProgram: a shell that is ended leaves what it runs.
func TestChildrenEndWithTheirProgram(t *testing.T) {
	child := filepath.Join(t.TempDir(), "grandchild.pid")
	p := Process{Name: "child", Path: "/bin/sh", Args: []string{"-c", "sleep 60 & echo $! > " + child + "; wait"},
		Output: io.Discard, Logger: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	until(t, "grandchild", func() bool { return pid(child) != 0 })
	grandchild := pid(child)
	cancel()
	if err := <-ended; err != nil {
		t.Fatalf("Run: %v", err)
	}
	until(t, "end of the grandchild", func() bool {
		state, err := os.ReadFile("/proc/" + strconv.Itoa(grandchild) + "/stat")
		return errors.Is(syscall.Kill(grandchild, 0), syscall.ESRCH) || (err == nil && strings.Contains(string(state), ") Z "))
	})
}

func TestAProgramThatIsNotThereIsAnError(t *testing.T) {
	p := Process{Name: "child", Path: "/no/such/program", Output: io.Discard, Logger: slog.New(slog.DiscardHandler)}
	err := p.Run(context.Background())
	if err == nil || !strings.Contains(err.Error(), "starting child") {
		t.Fatalf("Run: %v, want an error that names the program", err)
	}
}

func TestBackoffGrowsAndCalms(t *testing.T) {
	b := backoff{first: 100 * time.Millisecond, most: time.Second, calm: 20 * time.Second}
	var got []time.Duration
	for _, up := range []time.Duration{0, 0, 0, 0, 0, time.Minute, 0} {
		got = append(got, b.after(up)/time.Millisecond)
	}
	want := []time.Duration{100, 200, 400, 800, 1000, 100, 200}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("pauses %v, want %v", got, want)
		}
	}
}
