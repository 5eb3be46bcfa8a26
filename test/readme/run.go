package readme

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// pause is between two tries of a command in a step with Within.
const pause = 200 * time.Millisecond

// MismatchError is a command that did not do what the README says.
type MismatchError struct {
	Command  Command
	Got      string // standard output and standard error, as they came
	Exit     int
	WantExit int
}

// Error implements error.
func (e *MismatchError) Error() string {
	return fmt.Sprintf("line %d: $ %s\nwanted, with exit code %d:\n%s\ngot, with exit code %d:\n%s",
		e.Command.Line, e.Command.Text, e.WantExit, strings.Join(e.Command.Want, "\n"), e.Exit, e.Got)
}

// Run runs a step's commands in turn, each in a shell of its own in dir with
// env (as "K=V", beside nothing else). The first that does not do what the
// README says ends it with a *MismatchError. What a command leaves running in
// the background goes on.
func Run(ctx context.Context, s Step, dir string, env []string) error {
	for _, c := range s.Commands {
		if err := s.try(ctx, c, dir, env); err != nil {
			return err
		}
	}
	return nil
}

// try runs a command until it is as wanted, for as long as s.Within allows.
func (s Step) try(ctx context.Context, c Command, dir string, env []string) error {
	deadline := time.Now().Add(s.Within)
	for {
		got, exit, err := shell(ctx, c, dir, env)
		if err != nil {
			return err
		}
		if exit == s.Exit && Match(c.Want, got) {
			return nil
		}
		if !time.Now().Add(pause).Before(deadline) {
			return &MismatchError{Command: c, Got: got, Exit: exit, WantExit: s.Exit}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("line %d: %w", c.Line, ctx.Err())
		case <-time.After(pause):
		}
	}
}

// shell runs one command. Its output goes to a file, not a pipe: a process
// left in the background would keep a pipe open.
func shell(ctx context.Context, c Command, dir string, env []string) (output string, exit int, err error) {
	out, err := os.CreateTemp("", "readme-output-")
	if err != nil {
		return "", 0, fmt.Errorf("line %d: keeping the output: %w", c.Line, err)
	}
	defer os.Remove(out.Name())
	defer out.Close()

	cmd := exec.CommandContext(ctx, "bash", "-c", c.Text)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, env, out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	err = cmd.Run()
	if ctx.Err() != nil {
		return "", 0, fmt.Errorf("line %d: $ %s: %w", c.Line, c.Text, ctx.Err())
	}
	var status *exec.ExitError
	if err != nil && !errors.As(err, &status) {
		return "", 0, fmt.Errorf("line %d: running a shell: %w", c.Line, err)
	}
	b, err := os.ReadFile(out.Name())
	if err != nil {
		return "", 0, fmt.Errorf("line %d: reading the output: %w", c.Line, err)
	}
	return string(b), cmd.ProcessState.ExitCode(), nil
}
