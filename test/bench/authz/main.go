// Command bench-authz measures what an authorization policy costs by where it
// is decided: the CPU of each request in every process, throughput and
// latency, beside no policy and beside peers; and how that grows with the
// number of rules. All in one run; its load stays on loopback.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/krater-mesh/krater/test/bench/figure"
	"github.com/krater-mesh/krater/test/bench/load"
)

// options of a run.
type options struct {
	bin         string // the folder of the binaries
	requests    int    // of one load
	connections int
	rounds      int
	start       time.Duration // the longest a mesh may take to start
	only        string
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
	if err := load.Find(); err != nil {
		return err
	}
	var all report
	for _, part := range []struct {
		name string
		run  func(context.Context, options) ([]*subject, error)
	}{{"placements", placements}, {"peers", peers}, {"rules", rules}} {
		if o.only != "" && !slices.Contains(strings.Split(o.only, ","), part.name) {
			continue
		}
		list, err := part.run(ctx, o)
		if err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		all = append(all, group{part.name, list})
	}
	if err := all.table(os.Stdout); err != nil {
		return err
	}
	return figure.Write(os.Stdout, all.figures())
}

func parse(args []string) (options, error) {
	self, err := os.Executable()
	if err != nil {
		return options{}, fmt.Errorf("finding the folder of krater's binary: %w", err)
	}
	var o options
	f := flag.NewFlagSet("bench-authz", flag.ContinueOnError)
	f.StringVar(&o.bin, "bin", filepath.Dir(self), "Folder of the binaries krater, bench-echo, bench-empty and, where it could be built, opa-envoy-plugin.")
	f.IntVar(&o.requests, "requests", 20000, "Requests of one load.")
	f.IntVar(&o.connections, "connections", 8, "Connections of a load.")
	f.IntVar(&o.rounds, "rounds", 5, "Loads of each subject; the median counts.")
	f.DurationVar(&o.start, "start", 2*time.Minute, "The longest a mesh may take to start.")
	f.StringVar(&o.only, "only", "", "Some of placements,peers,rules; empty for all.")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if o.requests < 1 || o.connections < 1 || o.rounds < 1 {
		return o, errors.New("-requests, -connections and -rounds must be above 0")
	}
	return o, nil
}

func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...) }
