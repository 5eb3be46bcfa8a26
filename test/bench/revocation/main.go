// Command bench-revocation measures how long it takes until a caller who lost
// a right is refused, by who decides, also where his entry is one of a hundred
// thousand; and what requests see of a policyd that is killed.
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
	"github.com/krater-mesh/krater/test/bench/mesh"
)

// options of a run.
type options struct {
	root, bin string
	edits     int // of each kind
	entries   int // of the large policy's data
	kills     time.Duration
	start     time.Duration // the longest the mesh may take to start
	only      string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
}

func run(ctx context.Context, args []string) (err error) {
	o, err := parse(args)
	if err != nil {
		return err
	}
	progress("starting a mesh of seven proxies")
	m, err := mesh.Start(ctx, mesh.Options{From: filepath.Join(o.root, "test", "bench", "testdata", "revocation"), Bin: o.bin, Limit: o.start})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Stop()) }()
	r := &report{options: o}
	for _, part := range []struct {
		name string
		run  func(context.Context, options, *mesh.Mesh, *report) error
	}{{"placements", measureRevocation}, {"kills", measureKills}, {"entries", measureEntries}, {"lowering", measureLowering}} {
		if o.only != "" && o.only != part.name {
			continue
		}
		if err := part.run(ctx, o, m, r); err != nil {
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
	f := flag.NewFlagSet("bench-revocation", flag.ContinueOnError)
	f.StringVar(&o.root, "root", ".", "Krater's checkout: the configuration comes from it.")
	f.StringVar(&o.bin, "bin", filepath.Dir(self), "Folder of the binaries krater and bench-echo.")
	f.IntVar(&o.edits, "edits", 10, "Edits of each kind.")
	f.IntVar(&o.entries, "entries", 100_000, "Entries of the large policy's data.")
	f.DurationVar(&o.kills, "kills", 10*time.Second, "For how long policyd is killed again and again.")
	f.DurationVar(&o.start, "start", time.Minute, "The longest the mesh may take to start.")
	f.StringVar(&o.only, "only", "", "placements, kills, entries or lowering; empty for all.")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if o.edits < 1 || o.entries < 10 {
		return o, errors.New("there is at least one edit, and ten entries")
	}
	return o, nil
}

// progress tells people what is going on.
func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...) }
