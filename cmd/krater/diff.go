package main

import (
	"context"
	"fmt"
	"os"

	"github.com/krater-mesh/krater/cmd/krater/diff"
	"github.com/krater-mesh/krater/cmd/krater/stages"
	"github.com/krater-mesh/krater/cmd/krater/state"
	"github.com/krater-mesh/krater/xds/translate"
	"github.com/spf13/cobra"
)

func diffCommand() *cobra.Command {
	var mesh string
	var against []string
	cmd := &cobra.Command{
		Use:   "diff PATH... (--mesh DIR | --against PATH)",
		Short: "Show what an edit would change in every proxy, before it is applied.",
		Long: `Show what an edit would change in every proxy's configuration, before it is
applied. Proxies with the same changes are shown once.

With --mesh the PATHs are laid over the configuration of that folder: an object
of theirs takes the place of the one of its name. With --against they are
compared as a whole with another configuration.

Exits with 0 if nothing changes, with 1 if something does, with 2 if it could
not run.`,
		Example: "  krater diff new-routes.yaml --mesh samples/bookinfo\n  krater diff next/ --against now/ -o json",
		Args:    cobra.MinimumNArgs(1),
	}
	cmd.Flags().StringVar(&mesh, "mesh", "", "The folder that the PATHs are an edit of.")
	cmd.Flags().StringArrayVar(&against, "against", nil, "A configuration to compare with; may be given several times.")
	cmd.MarkFlagsMutuallyExclusive("mesh", "against")
	cmd.MarkFlagsOneRequired("mesh", "against")
	output := outputFlag(cmd, "json or yaml")
	cmd.RunE = func(cmd *cobra.Command, paths []string) error {
		modules, err := os.MkdirTemp("", "krater-")
		if err != nil {
			return fmt.Errorf("making a folder for modules: %w", err)
		}
		defer os.RemoveAll(modules)
		before, after, err := twoConfigurations(cmd.Context(), paths, against, mesh, modules)
		if err != nil {
			return err
		}
		warn(cmd.ErrOrStderr(), after.Problems)
		compiler := translate.NewCompiler(translate.Options{ModuleDir: modules, Builtin: after.builtin})
		report, err := diff.Compare(proxySets(compiler, before), proxySets(compiler, after))
		if err != nil {
			return err
		}
		err = print(cmd.OutOrStdout(), *output, report, report.Text)
		if err == nil && report.Changed() {
			err = errProblems
		}
		return err
	}
	return cmd
}

// twoConfigurations resolves what is, and what would be.
func twoConfigurations(ctx context.Context, paths, against []string, mesh, modules string) (before, after offline, err error) {
	base, lastGood := against, ""
	if mesh != "" {
		base = []string{mesh}
		if lastGood, err = keptConfig(mesh); err != nil {
			return before, after, err
		}
	}
	st, err := stages.Open(base, lastGood, modules)
	if err != nil {
		return before, after, err
	}
	if before, err = readStages(ctx, st, modules); err != nil {
		return before, after, err
	}
	if mesh != "" {
		st.Lay(paths...)
	} else if st, err = stages.Open(paths, "", modules); err != nil {
		return before, after, err
	}
	after, err = readStages(ctx, st, modules)
	return before, after, err
}

func readStages(ctx context.Context, st *stages.Stages, modules string) (offline, error) {
	result, err := st.Run(ctx)
	return offline{result, modules, st.Builtin()}, err
}

// keptConfig is where a mesh keeps its last good objects, "" if it has none.
func keptConfig(mesh string) (string, error) {
	layout, err := state.For(mesh)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(layout.Path("config")); err != nil {
		return "", nil // it never ran
	}
	return layout.Path("config"), nil
}

// proxySets is what every proxy gets.
func proxySets(c *translate.Compiler, o offline) map[string]diff.Set {
	out := map[string]diff.Set{}
	for id, result := range c.Compile(o.Snapshot, o.Endpoints, o.Snapshot.Workloads) {
		out[id] = result.Resources().Set()
	}
	return out
}
