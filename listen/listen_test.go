package listen_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/listen"
)

func TestListenOnUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policyd.sock")
	l, err := listen.On(context.Background(), "unix:"+path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o600 {
		t.Errorf("the socket's mode is %o, wanted 600", mode)
	}
	_, err = listen.On(context.Background(), "unix:"+path)
	var refused *listen.AddressError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "KR0017") {
		t.Errorf("a socket that somebody answers on was taken: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the socket's file is still there: %v", err)
	}
}

func TestListenReplacesAStaleSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policyd.sock")
	dead, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	dead.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := listen.On(context.Background(), "unix:"+path)
	if err != nil {
		t.Fatalf("a stale socket stands in the way: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestListenLeavesFilesAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := listen.On(context.Background(), "unix:"+path); err == nil {
		t.Error("a file that is no socket was replaced")
	}
	if content, err := os.ReadFile(path); err != nil || string(content) != "x" {
		t.Errorf("the file is %q, %v", content, err)
	}
}

func TestListenOnAPortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, err = listen.On(context.Background(), taken.Addr().String())
	var refused *listen.AddressError
	if !errors.As(err, &refused) {
		t.Errorf("wanted a Problem, got %v", err)
	}
}

// TestNobodyElseCouldHaveConnected: the socket comes out of a folder that was
// its user's only, and that folder is gone.
func TestNobodyElseCouldHaveConnected(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil { // a folder that everybody may use
		t.Fatal(err)
	}
	seen := make(chan string, 100)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
			}
			made, _ := filepath.Glob(filepath.Join(dir, "s*"))
			for _, path := range made {
				if info, err := os.Lstat(path); err == nil && info.Mode().Perm() != 0o600 && len(seen) < cap(seen) {
					seen <- info.Mode().String()
				}
			}
		}
	}()
	for range 50 {
		l, err := listen.On(t.Context(), "unix:"+filepath.Join(dir, "s"))
		if err != nil {
			t.Fatal(err)
		}
		if list, err := os.ReadDir(dir); err != nil || len(list) != 1 {
			t.Fatalf("there are %v, %v", list, err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	<-done
	if len(seen) > 0 {
		t.Errorf("the socket was seen with %s", <-seen)
	}
}
