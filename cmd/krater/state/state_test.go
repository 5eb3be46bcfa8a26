package state

import (
	"errors"
	"os"
	"strings"
	"testing"
)

func TestOneMeshHasOneHolder(t *testing.T) {
	t.Setenv("KRATER_STATE", t.TempDir())
	mesh := t.TempDir()
	l, err := For(mesh)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Find(mesh); err == nil || !strings.Contains(err.Error(), "krater up") {
		t.Errorf("a mesh that does not run: %v, want what to do", err)
	}
	release, err := l.Lock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Lock(); !errors.Is(err, ErrRunning) {
		t.Errorf("the second lock: %v, want ErrRunning", err)
	}
	for _, name := range []string{mesh, ""} {
		if got, err := Find(name); err != nil || got != l {
			t.Errorf("Find(%q) = %v, %v, want %v", name, got, err, l)
		}
	}
	release()
	if _, ok := l.PID(); ok {
		t.Error("a released mesh still has a holder")
	}
}

func TestTwoMeshesHaveTwoFolders(t *testing.T) {
	a, _ := For("/srv/a/mesh")
	b, _ := For("/srv/b/mesh")
	if a == b {
		t.Errorf("both are %v", a)
	}
}

func TestALongFolderIsRefused(t *testing.T) {
	l, err := New("/" + strings.Repeat("long/", 30))
	if err == nil {
		err = l.Make() // offline commands make no sockets
	}
	if err == nil || !strings.Contains(err.Error(), "KRATER_STATE") {
		t.Errorf("got %v, want what to do", err)
	}
}

func TestNobodyElseWritesThere(t *testing.T) {
	dir := t.TempDir()
	for mode, good := range map[os.FileMode]bool{0o700: true, 0o755: true, 0o775: false, 0o777: false} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		l, err := New(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Make(); (err == nil) != good {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
}
