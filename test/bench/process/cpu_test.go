package process

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	const stat = "42 (a (b) c) S 1 42 42 0 -1 4194560 10 0 0 0 150 25 9 9 20 0 1 0 100 0 0"
	got, err := parseStat(stat)
	if err != nil || got != 1750*time.Millisecond {
		t.Errorf("got %v, %v, want 1.75s", got, err)
	}
	for _, bad := range []string{"", "42 (x) S 1", "42 (x) S 1 2 3 4 5 6 7 8 9 10 x 12 13"} {
		if _, err := parseStat(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestReadSeesWorkDone(t *testing.T) {
	self := []Process{{"self", os.Getpid()}}
	before, err := Read(self)
	if err != nil {
		t.Fatal(err)
	}
	for {
		now, err := Read(self)
		if err != nil {
			t.Fatal(err)
		}
		if spent := now.Since(before); spent["self"] >= 30*time.Millisecond && spent.Total() == spent["self"] {
			return
		}
	}
}

func TestReadPID(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.pid")
	if _, err := ReadPID(file); err == nil {
		t.Error("a file that is not there was read")
	}
	if err := os.WriteFile(file, []byte("17\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if pid, err := ReadPID(file); err != nil || pid != 17 {
		t.Errorf("got %d, %v", pid, err)
	}
}
