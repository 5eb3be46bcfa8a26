package main

import (
	"fmt"
	"io"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/translate"
	"github.com/spf13/cobra"
)

func analyzeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "analyze PATH...",
		Short:   "Find the problems of a configuration, offline.",
		Example: "  krater analyze samples/bookinfo\n  krater analyze -o json mesh.yaml policies/",
		Args:    cobra.MinimumNArgs(1),
	}
	output := outputFlag(cmd, "json or yaml")
	cmd.RunE = func(cmd *cobra.Command, paths []string) error {
		read, done, err := readOffline(cmd.Context(), paths)
		if err != nil {
			return err
		}
		defer done()
		problems := append(read.Problems, read.translationProblems()...).Sorted()
		err = print(cmd.OutOrStdout(), *output, problemList{problems}, func(w io.Writer) error {
			for _, p := range problems {
				fmt.Fprintln(w, p)
			}
			counts := map[model.Severity]int{}
			for _, p := range problems {
				counts[p.Severity]++
			}
			fmt.Fprintf(w, "%d errors, %d warnings in %d objects\n", counts[model.Error], counts[model.Warning], len(read.Snapshot.Origins))
			return nil
		})
		if err == nil && problems.HasErrors() {
			err = errProblems
		}
		return err
	}
	return cmd
}

// problemList is the JSON form: a list is never null.
type problemList struct {
	Problems model.Problems `json:"problems"`
}

// translationProblems are those that only show when proxies are configured.
func (o offline) translationProblems() model.Problems {
	var out model.Problems
	known := map[model.Problem]bool{}
	for _, w := range o.Snapshot.Workloads {
		_, problems := translate.Translate(o.Snapshot, o.Endpoints, w, o.translateOptions())
		for _, p := range problems {
			if !known[p] {
				known[p] = true
				out = append(out, p)
			}
		}
	}
	return out
}

func (o offline) translateOptions() translate.Options {
	return translate.Options{ModuleDir: o.moduleDir, Builtin: o.builtin}
}
