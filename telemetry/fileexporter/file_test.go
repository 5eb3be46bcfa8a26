package fileexporter

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestFileIsSharedAndAppendedTo(t *testing.T) {
	s := &files{open: map[string]*file{}}
	c := &Config{Path: filepath.Join(t.TempDir(), "sub", "out.jsonl"), MaxMegabytes: 1}
	for round := range 2 {
		a, err := s.acquire(c)
		if err != nil {
			t.Fatal(err)
		}
		b, err := s.acquire(c)
		if err != nil || a != b {
			t.Fatalf("a second user has a file of its own: %v", err)
		}
		if err := s.release(a); err != nil {
			t.Fatal(err)
		}
		if err := b.write([]byte("line\n")); err != nil {
			t.Fatalf("round %d: the first user's end took the file away: %v", round, err)
		}
		if err := s.release(b); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, c.Path); got != "line\nline\n" {
		t.Errorf("the file holds %q", got)
	}
}

func TestFileRotates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.jsonl")
	f := &file{path: path, limit: 12, backups: 2}
	if err := f.reopen(); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"first\n", "second\n", "third\n", "fourth\n", strings.Repeat("long", 5) + "\n"} {
		if err := f.write([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	defer f.f.Close()
	for name, want := range map[string]string{path: "longlonglonglonglong\n", path + ".1": "fourth\n", path + ".2": "third\n"} {
		if got := read(t, name); got != want && !(name == path+".2" && got == "second\n") {
			t.Errorf("%s holds %q, want %q", filepath.Base(name), got, want)
		}
	}
	if _, err := os.Stat(path + ".3"); err == nil {
		t.Error("one backup too many")
	}
}
