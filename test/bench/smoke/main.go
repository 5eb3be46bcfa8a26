// Command bench-smoke measures what policies cost: CPU time per request of
// every process, by placement, in one run on one machine; and how long an edit
// takes until the first changed answer. Its load stays on loopback.
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
	"time"

	"github.com/krater-mesh/krater/test/bench/figure"
	"github.com/krater-mesh/krater/test/bench/load"
)

// options of a run.
type options struct {
	root, bin       string
	requests, pages int // of one load: to one sidecar, to the whole Bookinfo
	connections     int
	rounds, edits   int
	start           time.Duration // the longest a mesh may take to start
	only            string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	interrupted := ctx.Err() != nil
	stop()
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return
	case interrupted:
		fmt.Fprintln(os.Stderr, "bench: ended before its end")
	default:
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
	os.Exit(2)
}

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	if err := load.Find(); err != nil {
		return err
	}
	var r report
	for _, part := range []struct {
		name string
		run  func(context.Context, options, *report) error
	}{{"policies", measurePolicies}, {"bookinfo", measureBookinfo}} {
		if o.only != "" && o.only != part.name {
			continue
		}
		if err := part.run(ctx, o, &r); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	if err := r.table(os.Stdout); err != nil {
		return err
	}
	return figure.Write(os.Stdout, r.figures())
}

func parse(args []string) (options, error) {
	var o options
	self, err := os.Executable()
	if err != nil {
		return o, fmt.Errorf("finding the folder of krater's binary: %w", err)
	}
	f := flag.NewFlagSet("bench-smoke", flag.ContinueOnError)
	f.StringVar(&o.root, "root", ".", "Krater's checkout: the configurations come from it.")
	f.StringVar(&o.bin, "bin", filepath.Dir(self), "Folder of the binaries krater, bookinfo and bench-echo.")
	f.IntVar(&o.requests, "requests", 20000, "Requests of one load to one sidecar.")
	f.IntVar(&o.pages, "pages", 3000, "Requests of one load to Bookinfo's page.")
	f.IntVar(&o.connections, "connections", 8, "Connections of a load.")
	f.IntVar(&o.rounds, "rounds", 3, "Loads of each scenario; the median counts.")
	f.IntVar(&o.edits, "edits", 20, "Edits of each kind; 0 for none.")
	f.DurationVar(&o.start, "start", time.Minute, "The longest a mesh may take to start.")
	f.StringVar(&o.only, "only", "", "policies or bookinfo; empty for both.")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if o.requests < 1 || o.pages < 1 || o.connections < 1 || o.rounds < 1 || o.edits < 0 {
		return o, errors.New("requests, pages, connections and rounds are at least 1")
	}
	for _, name := range []string{"krater", "bookinfo", "bench-echo"} {
		if _, err := os.Stat(filepath.Join(o.bin, name)); err != nil {
			return o, fmt.Errorf("a binary is missing: %w; run `make bench-smoke`, which builds it", err)
		}
	}
	return o, nil
}

// progress tells people what is going on.
func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...) }
