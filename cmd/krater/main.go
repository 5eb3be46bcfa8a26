// Command krater is Krater's one binary: the whole mesh of a folder on one
// machine, its parts for many machines, and the offline commands. Each command
// wires stages; nothing is decided here.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(run(os.Args[1:])) }

// The exit codes that scripts may rely on.
const (
	exitGood     = 0
	exitProblems = 1 // ran, and found problems
	exitNotRun   = 2 // could not run
)

// errProblems ends a command that ran, and found problems.
var errProblems = errors.New("problems were found")

func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var exit exitCode
	switch {
	case err == nil:
		return exitGood
	case errors.Is(err, errProblems):
		return exitProblems
	case errors.As(err, &exit):
		return int(exit)
	}
	fmt.Fprintf(os.Stderr, "krater: %v\n", err)
	return exitNotRun
}

// exitCode ends krater with the code of a command that it ran.
type exitCode int

// Error implements error.
func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }
