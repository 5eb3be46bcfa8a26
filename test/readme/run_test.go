package readme

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

var env = []string{"PATH=" + os.Getenv("PATH"), "NAME=krater"}

// run runs the steps of a README of one block.
func run(t *testing.T, dir, options, block string) error {
	t.Helper()
	steps, err := Parse("```console " + options + "\n" + block + "\n```")
	if err != nil {
		t.Fatal(err)
	}
	return Run(t.Context(), steps[0], dir, env)
}

func TestRun(t *testing.T) {
	dir := t.TempDir()
	for _, tc := range []struct{ options, block string }{
		{"", "$ echo $NAME; echo and more >&2\nkrater\nand [..]"},
		{"", "$ echo kept > file\n$ cat file\nkept"},
		{"exit=3", "$ exit 3"},
		{"within=5s", "$ echo x >> tries; wc -l < tries\n3"},
	} {
		if err := run(t, dir, tc.options, tc.block); err != nil {
			t.Errorf("%s: %v", tc.block, err)
		}
	}
}

func TestRunMismatch(t *testing.T) {
	for _, tc := range []struct{ options, block, want string }{
		{"", "$ echo a\nb", "line 2: $ echo a\nwanted, with exit code 0:\nb\ngot, with exit code 0:\na"},
		{"", "$ false", "got, with exit code 1"},
		{"exit=1", "$ true", "wanted, with exit code 1"},
		{"within=300ms", "$ echo a\nb", "line 2: $ echo a"},
		{"", "$ echo unasked", "unasked"},
	} {
		err := run(t, t.TempDir(), tc.options, tc.block)
		var mismatch *MismatchError
		if !errors.As(err, &mismatch) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %q", tc.block, err, tc.want)
		}
	}
}

func TestRunStopsAtTheFirstMismatch(t *testing.T) {
	dir := t.TempDir()
	if run(t, dir, "", "$ false\n$ touch ran") == nil {
		t.Fatal("no error")
	}
	if _, err := os.Stat(dir + "/ran"); err == nil {
		t.Error("the command after the mismatch ran")
	}
}

func TestRunDoesNotWaitForTheBackground(t *testing.T) {
	start := time.Now()
	dir := t.TempDir()
	if err := run(t, dir, "", "$ sleep 20 & echo $! > pid; echo started\nstarted\n$ kill $(cat pid)"); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err := Run(ctx, Step{Commands: []Command{{Text: "sleep 20"}}}, t.TempDir(), env)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
