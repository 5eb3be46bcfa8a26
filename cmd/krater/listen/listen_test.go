package listen

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestASocketIsItsUsersOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.sock")
	l, err := On("unix:" + path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket's mode is %v, %v, want 0600", info.Mode(), err)
	}
	if _, err := On("unix:" + path); err == nil || !strings.Contains(err.Error(), "another process does") {
		t.Errorf("a second listener: %v, want a refusal", err)
	}
}

func TestADeadSocketIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.sock")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	l, err := On("unix:" + path)
	if err != nil {
		t.Fatalf("a socket that nobody answers on is in the way: %v", err)
	}
	l.Close()
}
