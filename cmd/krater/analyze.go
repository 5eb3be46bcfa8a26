package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/krater-mesh/krater/config/analysis"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/translate"
	"github.com/spf13/cobra"
)

func analyzeCommand() *cobra.Command {
	var suppress []string
	var failOn string
	cmd := &cobra.Command{
		Use:   "analyze PATH...",
		Short: "Find the problems of a configuration, offline.",
		Long: `Find the problems of a configuration, offline.

Codes are Istio's where it has one for the same thing. An object's annotation
` + analysis.SuppressAnnotation + `: CODE,CODE leaves out its own; * is all of them.`,
		Example: `  krater analyze samples/bookinfo
  krater analyze -o json mesh.yaml policies/
  krater analyze --suppress "IST0118=Service *.legacy" --fail-on warning .`,
		Args: cobra.MinimumNArgs(1),
	}
	output := outputFlag(cmd, "json or yaml")
	cmd.Flags().StringArrayVarP(&suppress, "suppress", "S", nil,
		`Leave out problems, CODE=OBJECT with * for any text: "IST0101=VirtualService reviews.default"; may be given several times.`)
	cmd.Flags().StringVar(&failOn, "fail-on", "error", "Exit with 1 on problems of this level, or above: error, warning or info.")
	cmd.Flags().StringVar(&failOn, "failure-threshold", "error", "istioctl's name of --fail-on.")
	_ = cmd.Flags().MarkHidden("failure-threshold")
	cmd.RunE = func(cmd *cobra.Command, paths []string) error {
		threshold, err := severity(failOn)
		if err != nil {
			return err
		}
		list, err := suppressions(suppress)
		if err != nil {
			return err
		}
		return withOffline(cmd, paths, func(read offline) (bool, error) {
			all := append(read.Problems, read.translationProblems()...)
			all = append(all, analysis.Analyze(analysis.Input{Snapshot: read.Snapshot, Endpoints: read.Endpoints, Entries: read.InForce,
				Now: time.Now(), ReadFile: os.ReadFile})...)
			found := problemList{}
			found.Problems, found.Suppressed = analysis.Suppress(all.Unique().Sorted(), append(list, analysis.Annotated(read.Objects)...))
			return found.Problems.AtLeast(threshold), print(cmd.OutOrStdout(), *output, found, func(w io.Writer) error {
				return found.text(w, len(read.Snapshot.Origins))
			})
		})
	}
	return cmd
}

func severity(word string) (model.Severity, error) {
	for _, s := range []model.Severity{model.Error, model.Warning, model.Info} {
		if strings.EqualFold(word, string(s)) {
			return s, nil
		}
	}
	return "", fmt.Errorf("--fail-on %s: want error, warning or info", word)
}

func suppressions(flags []string) ([]analysis.Suppression, error) {
	var out []analysis.Suppression
	for _, text := range flags {
		s, err := analysis.ParseSuppression(text)
		if err != nil {
			return nil, fmt.Errorf("--suppress %w", err)
		}
		out = append(out, s)
	}
	return out, nil
}

// problemList is the JSON form.
type problemList struct {
	Problems   model.Problems `json:"problems"`
	Suppressed int            `json:"suppressed,omitempty"`
}

func (l problemList) text(w io.Writer, objects int) error {
	counts := map[model.Severity]int{}
	for _, p := range l.Problems {
		fmt.Fprintln(w, p)
		counts[p.Severity]++
	}
	more := ""
	if l.Suppressed > 0 {
		more = fmt.Sprintf("; %d suppressed", l.Suppressed)
	}
	_, err := fmt.Fprintf(w, "%d errors, %d warnings in %d objects%s\n", counts[model.Error], counts[model.Warning], objects, more)
	return err
}

// translationProblems are those that only show when proxies are configured.
func (o offline) translationProblems() model.Problems {
	var out model.Problems
	compiled := translate.NewCompiler(o.translateOptions()).Compile(o.Snapshot, o.Endpoints, o.Snapshot.Workloads)
	for _, w := range o.Snapshot.Workloads {
		out = append(out, compiled[w.ID()].Problems...)
	}
	return out
}

func (o offline) translateOptions() translate.Options {
	return translate.Options{ModuleDir: o.moduleDir, Builtin: o.builtin}
}
