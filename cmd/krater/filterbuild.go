package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/krater-mesh/krater/filters/build"
	"github.com/spf13/cobra"
)

func filterBuildCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "build [DIR]",
		Short: "Build a filter's folder into a Wasm module.",
		Long: `Build the filter of a folder (default: this one) into a Wasm module. The decoder
and the JSON schema of its Config are generated first; the schema becomes part of
the module, so that whoever declares the filter is told of a wrong configuration
before any proxy gets it.

The same sources and the same Go give the same digest, on every machine.`,
		Example: "  krater filter build greeting\n  krater filter build greeting --out greeting.wasm -o json",
		Args:    cobra.MaximumNArgs(1),
	}
	cmd.Flags().StringVar(&out, "out", "", "The module's file (default: DIR/.build/NAME.wasm).")
	output := outputFlag(cmd, "json or yaml")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		fmt.Fprintln(cmd.ErrOrStderr(), "krater: building (the first build of a new Go takes a minute) ...")
		r, err := buildFilter(cmd.Context(), folderArg(args), out)
		if err != nil {
			return err
		}
		return print(cmd.OutOrStdout(), *output, r, func(w io.Writer) error {
			_, err := fmt.Fprintln(w, builtText(r))
			return err
		})
	}
	return cmd
}

// folderArg is the folder that a command is for.
func folderArg(args []string) string {
	if len(args) == 0 {
		return "."
	}
	return args[0]
}

// buildFilter generates what is generated, and builds.
func buildFilter(ctx context.Context, dir, out string) (build.Result, error) {
	describe, err := prepareFilter(dir)
	if err != nil {
		return build.Result{}, err
	}
	return build.Module(ctx, build.Options{Dir: dir, Out: out, Describe: describe})
}

func builtText(r build.Result) string {
	return fmt.Sprintf("built %s  %s  %.2f MB  %s in %s", r.File, r.Digest, float64(r.Size)/1e6, r.Go, r.Took.Round(10*time.Millisecond))
}
