package fileexporter

import (
	"os"
	"path/filepath"
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
		if err := b.Write([]byte("line\n")); err != nil {
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
