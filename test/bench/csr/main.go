// Command bench-csr measures how many certificates a second the control plane
// signs: a real `krater controlplane` of many workloads, and, in this process,
// their agents, which ask over gRPC and TLS. Keys are made beforehand: they
// cost the agents' machines, not the authority.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/krater-mesh/krater/test/bench/figure"
)

// options of a run.
type options struct {
	bin     string
	csrs    int
	workers int
	rounds  int
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return
	}
	fmt.Fprintln(os.Stderr, "bench:", err)
	os.Exit(2)
}

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bench-csr")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := writeMesh(filepath.Join(dir, "mesh"), o.csrs); err != nil {
		return err
	}
	progress("starting a control plane of %d workloads ...", o.csrs)
	p, err := start(ctx, o.bin, dir)
	if err != nil {
		return err
	}
	defer p.stop()
	results, err := o.measure(ctx, p)
	if err != nil {
		return fmt.Errorf("%w\nthe control plane's log ends with:\n%s", err, p.tail())
	}
	if err := table(os.Stdout, o, results); err != nil {
		return err
	}
	return figure.Write(os.Stdout, figures(results))
}

func parse(args []string) (options, error) {
	var o options
	self, err := os.Executable()
	if err != nil {
		return o, fmt.Errorf("finding the folder of krater's binary: %w", err)
	}
	f := flag.NewFlagSet("bench-csr", flag.ContinueOnError)
	f.StringVar(&o.bin, "krater", filepath.Join(filepath.Dir(self), "krater"), "Krater's binary.")
	f.IntVar(&o.csrs, "csrs", 1000, "CSRs of a load, each of a workload of its own.")
	f.IntVar(&o.workers, "workers", 8, "Agents that ask at the same time.")
	f.IntVar(&o.rounds, "rounds", 3, "Loads of each kind; the median counts.")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	// A workload may have twenty certificates at once, and gets four a round.
	if o.csrs < 1 || o.workers < 1 || o.rounds < 1 || o.rounds > 4 {
		return o, errors.New("csrs and workers are at least 1, rounds 1 to 4")
	}
	if _, err := os.Stat(o.bin); err != nil {
		return o, fmt.Errorf("a binary is missing: %w; run `make bench-csr`, which builds it", err)
	}
	return o, nil
}

// progress tells people what is going on.
func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...) }
