// Command bench-xds measures how an edit reaches many proxies: a real `krater
// controlplane` over a generated folder, and, in this process, simulated
// proxies that speak delta ADS to it. The time runs from the file's rename
// into place to the last proxy's acknowledgement.
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
)

// options of a run.
type options struct {
	bin     string
	sizes   []size
	largest bool // search for the largest size, too
	rounds  int
	memory  int64 // bytes that the control plane and the proxies may have together
	search  time.Duration
	keep    string // a folder for the configuration, to look at
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
	var r report
	for _, s := range o.sizes {
		m, err := o.measure(ctx, s, o.rounds)
		if err != nil {
			return fmt.Errorf("%v: %w", s, err)
		}
		r.sizes = append(r.sizes, m)
	}
	if o.largest {
		if err := o.findLargest(ctx, &r); err != nil {
			return err
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
	f := flag.NewFlagSet("bench-xds", flag.ContinueOnError)
	f.StringVar(&o.bin, "krater", filepath.Join(filepath.Dir(self), "krater"), "Krater's binary.")
	sizes := f.String("sizes", "250x50,1000x200,max", "SERVICESxPROXIES, with commas; max is the largest that fits.")
	f.IntVar(&o.rounds, "rounds", 20, "Edits of each kind.")
	memory := f.Float64("memory", 6, "GB that the control plane and the simulated proxies may have together.")
	f.DurationVar(&o.search, "search", 4*time.Minute, "The longest to search for the largest size.")
	f.StringVar(&o.keep, "keep", "", "Keep the generated configuration in this folder.")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if o.sizes, o.largest, err = parseSizes(*sizes); err != nil {
		return o, err
	}
	if o.rounds < 1 || *memory <= 0 {
		return o, errors.New("rounds are at least 1, and memory is more than 0")
	}
	o.memory = int64(*memory * (1 << 30))
	if _, err := os.Stat(o.bin); err != nil {
		return o, fmt.Errorf("a binary is missing: %w; run `make bench-xds`, which builds it", err)
	}
	return o, nil
}

// progress tells people what is going on.
func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...) }
