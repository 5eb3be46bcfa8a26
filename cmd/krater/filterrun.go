package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/krater-mesh/krater/cmd/krater/workbench"
	"github.com/krater-mesh/krater/filters/build"
	"github.com/krater-mesh/krater/filters/filtercase"
	"github.com/spf13/cobra"
)

func filterRunCommand() *cobra.Command {
	var requests, envoy string
	var once, network bool
	cmd := &cobra.Command{
		Use:   "run [DIR|FILE.wasm]",
		Short: "Run a filter in a throwaway Envoy, and take every save into effect.",
		Long: `Build the filter of a folder (default: this one), run it in a throwaway Envoy
before an upstream that echoes, and send it the requests of requests.yaml. Then
watch: each saved file is built, loaded, and the requests are sent again; the
time from the save to its effect is printed. The filter's log lines are shown as
they come. Ctrl-C ends it. A module (*.wasm) that something else builds is run
and watched the same way.

Everything listens on loopback, on ports of its own.`,
		Example: "  krater filter run greeting\n  krater filter run target/wasm32-wasip1/release/mine.wasm --requests requests.yaml",
		Args:    cobra.MaximumNArgs(1),
	}
	cmd.Flags().StringVar(&requests, "requests", "", "The file of requests (default: requests.yaml beside the filter, where there is one).")
	cmd.Flags().StringVar(&envoy, "envoy", "", "The Envoy binary (default: as for `krater up`).")
	cmd.Flags().BoolVar(&once, "once", false, "Send the requests once and end; exit 1 where an answer is not the wanted one.")
	cmd.Flags().BoolVar(&network, "network", false, "The filter sees connections, not requests.")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
		defer stop()
		out := &benchText{out: cmd.OutOrStdout()}
		b := &workbench.Bench{Source: folderArg(args), Requests: requests, Network: network, Build: buildFor, Report: out}
		out.say("building (the first build of a new Go takes a minute) ...")
		if err := b.Prepare(ctx); err != nil {
			return err
		}
		if err := b.Open(ctx, envoy); err != nil {
			return err
		}
		defer b.Close()
		out.say("loading: Envoy compiles it ...")
		if err := b.Load(ctx); err != nil {
			return err
		}
		switch err := b.Try(ctx); {
		case once && errors.Is(err, workbench.ErrDiffers):
			return errProblems
		case once || err != nil && !errors.Is(err, workbench.ErrDiffers):
			return err
		}
		out.say("watching; Ctrl-C ends it")
		return b.Run(ctx)
	}
	return cmd
}

func buildFor(ctx context.Context, dir string) (build.Result, error) {
	return buildFilter(ctx, dir, "")
}

// benchText tells people what happens on a workbench.
type benchText struct {
	out    io.Writer
	failed int
}

var _ workbench.Reporter = (*benchText)(nil)

func (t *benchText) say(format string, args ...any) {
	fmt.Fprintf(t.out, "krater: "+format+"\n", args...)
}

// Built implements workbench.Reporter.
func (t *benchText) Built(r build.Result) { t.say("%s", builtText(r)) }

// Loaded implements workbench.Reporter.
func (t *benchText) Loaded(url string, took time.Duration) {
	t.say("Envoy has it at %s after %s", url, took.Round(10*time.Millisecond))
}

// Answered implements workbench.Reporter.
func (t *benchText) Answered(c filtercase.Case, g filtercase.Got, differences []string) {
	verdict := "ok   "
	if len(differences) > 0 {
		verdict = "FAIL "
		t.failed++
	}
	fmt.Fprintf(t.out, "%s %s: %s %s -> %d\n", verdict, c.Name, c.Verb(), c.Target(), g.Status)
	for _, d := range differences {
		fmt.Fprintf(t.out, "      %s\n", d)
	}
	for _, l := range g.Log {
		fmt.Fprintf(t.out, "      log: %s\n", l)
	}
}

// Logged implements workbench.Reporter.
func (t *benchText) Logged(line string) { fmt.Fprintf(t.out, "log   %s\n", line) }

// Failed implements workbench.Reporter.
func (t *benchText) Failed(err error) {
	fmt.Fprintf(t.out, "FAIL  %v\n      the filter before stays\n", err)
}

// Effective implements workbench.Reporter.
func (t *benchText) Effective(files []string, took time.Duration) {
	var names []string
	for _, f := range files {
		names = append(names, filepath.Base(f))
	}
	t.say("%s: from save to effect in %s", strings.Join(names, ", "), took.Round(10*time.Millisecond))
}
