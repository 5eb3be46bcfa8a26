package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/krater-mesh/krater/cmd/krater/workbench"
	"github.com/spf13/cobra"
)

func filterTestCommand() *cobra.Command {
	var requests, envoy string
	var noEnvoy bool
	cmd := &cobra.Command{
		Use:   "test [DIR]",
		Short: "Run a filter's tests: Go's own, then its requests in a Wasm host and in a real Envoy.",
		Long: `Run the tests of a filter's folder (default: this one), in three steps: the
folder's Go tests, which need no Wasm; the requests of requests.yaml in a Wasm
host without a proxy; and the same requests in a real Envoy. Each request says
what must come of it.`,
		Example: "  krater filter test greeting",
		Args:    cobra.MaximumNArgs(1),
	}
	cmd.Flags().StringVar(&requests, "requests", "", "The file of requests (default: requests.yaml in the folder).")
	cmd.Flags().StringVar(&envoy, "envoy", "", "The Envoy binary (default: as for `krater up`).")
	cmd.Flags().BoolVar(&noEnvoy, "no-envoy", false, "Leave the real Envoy out.")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		out := &benchText{out: cmd.OutOrStdout()}
		b := &workbench.Bench{Source: folderArg(args), Requests: requests, Build: buildFor, Report: out}
		out.say("building ...")
		if err := b.Prepare(cmd.Context()); err != nil {
			return err
		}
		out.say("the Go tests")
		err := goTest(cmd.Context(), b.Source, cmd.OutOrStdout())
		out.say("the requests, in a Wasm host")
		err = errors.Join(err, testInHost(cmd.Context(), b, out))
		if !noEnvoy {
			out.say("the requests, in a real Envoy (it compiles the module first) ...")
			err = errors.Join(err, testInEnvoy(cmd.Context(), b, envoy))
		}
		switch {
		case err != nil && !errors.Is(err, workbench.ErrDiffers):
			return err
		case err != nil:
			return errProblems
		}
		out.say("all passed: Go tests, and %d requests", len(b.Cases().Requests))
		return nil
	}
	return cmd
}

// goTest runs a folder's Go tests; ErrDiffers says that some failed.
func goTest(ctx context.Context, dir string, out io.Writer) error {
	cmd := exec.CommandContext(ctx, "go", "test", "./...")
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, out, out
	err := cmd.Run()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return workbench.ErrDiffers
	}
	if err != nil {
		return fmt.Errorf("running the Go tests of %s: %w", filepath.Base(dir), err)
	}
	return nil
}

func testInHost(ctx context.Context, b *workbench.Bench, out *benchText) error {
	code, err := os.ReadFile(b.Module())
	if err != nil {
		return fmt.Errorf("reading the module: %w", err)
	}
	h, err := b.Cases().NewHost(ctx, code)
	if err != nil {
		return err
	}
	defer h.Close()
	for _, c := range b.Cases().Requests {
		got, err := h.Send(c)
		differences := c.Differences(got)
		if err != nil {
			differences = []string{err.Error()}
		}
		out.Answered(c, got, differences)
	}
	if out.failed > 0 {
		return workbench.ErrDiffers
	}
	return nil
}

func testInEnvoy(ctx context.Context, b *workbench.Bench, envoy string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	if err := b.Open(ctx, envoy); err != nil {
		return err
	}
	defer b.Close()
	if err := b.Load(ctx); err != nil {
		return err
	}
	return b.Try(ctx)
}
