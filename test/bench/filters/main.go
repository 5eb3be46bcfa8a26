// Command bench-filters measures what Wasm filters cost in Envoy: the CPU of
// each request, memory, and the time of a load. All Envoys run side by side,
// each with one filter more or another one, and are loaded in turns.
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

	watchconfig "github.com/krater-mesh/krater/filters/watch/config"
	"github.com/krater-mesh/krater/test/bench/figure"
	"github.com/krater-mesh/krater/test/bench/load"
)

// options of a run.
type options struct {
	modules     string // the folder of the comparison modules
	builtin     string // the built-in filters' module
	watchFile   string // the watch's module
	requests    int
	connections int
	rounds      int
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
	o := options{}
	flags := flag.NewFlagSet("bench-filters", flag.ContinueOnError)
	flags.StringVar(&o.modules, "modules", ".build", "folder of the comparison modules")
	flags.StringVar(&o.builtin, "builtin", "filters/builtin/dist/builtin.wasm", "the built-in filters' module")
	flags.IntVar(&o.requests, "requests", 20000, "requests of each load")
	flags.IntVar(&o.connections, "connections", 8, "connections of each load")
	flags.IntVar(&o.rounds, "rounds", 5, "loads of each filter")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.requests < 1 || o.connections < 1 || o.rounds < 1 {
		return errors.New("-requests, -connections and -rounds must be above 0")
	}
	if err := load.Find(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bench-filters-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	o.watchFile = filepath.Join(dir, "watch.wasm")
	if err := os.WriteFile(o.watchFile, watchconfig.Module, 0o600); err != nil {
		return err
	}
	subjects, err := o.start(ctx)
	defer func() {
		for _, s := range subjects {
			s.close()
		}
	}()
	if err != nil {
		return err
	}
	if err := o.measure(ctx, subjects); err != nil {
		return err
	}
	if err := o.workers(ctx, subjects); err != nil {
		return err
	}
	if err := table(os.Stdout, o, subjects); err != nil {
		return err
	}
	return figure.Write(os.Stdout, figures(subjects))
}

func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...) }
