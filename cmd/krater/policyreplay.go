package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/krater-mesh/krater/cmd/krater/controlplane"
	"github.com/krater-mesh/krater/cmd/krater/state"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/lower"
	"github.com/krater-mesh/krater/policyd/replay"
	"github.com/spf13/cobra"
)

func policyReplayCommand() *cobra.Command {
	var policy, running string
	var mesh []string
	var since time.Duration
	cmd := &cobra.Command{
		Use:   "replay [FILE...] --policy NAMESPACE/NAME --mesh PATH",
		Short: "Answer recorded requests by an edited policy: same, changed, or unknown.",
		Long: `Answer the requests of a log of decisions (OPA's form) by a policy as it is now
in the files of --mesh. Each comes to the same answer, to another, or, where the
policy reads what was not recorded, to none: then the field is named. Without a
FILE the log of the running mesh is read: a TelemetryBackend of kind opa with a
path has to keep one.

Exits with 1 if an answer changed or is not known.`,
		Example: "  krater policy replay decisions.jsonl --policy default/ratings-editors --mesh samples/bookinfo",
	}
	cmd.Flags().StringVar(&policy, "policy", "", "The RegoPolicy, NAMESPACE/NAME.")
	cmd.Flags().StringArrayVar(&mesh, "mesh", nil, "Where the edited policy is declared, with its mesh.")
	cmd.Flags().DurationVar(&since, "since", 0, "Only decisions of this last while: 1h.")
	cmd.Flags().StringVar(&running, "running", "", "The folder of the running mesh, where several run and no FILE is given.")
	_ = cmd.MarkFlagRequired("policy")
	_ = cmd.MarkFlagRequired("mesh")
	find := recordsFlag(cmd)
	output := outputFlag(cmd, "json or yaml")
	cmd.RunE = func(cmd *cobra.Command, files []string) error {
		declared := &declaredPolicies{ctx: cmd.Context(), mesh: mesh, known: map[string]offlinePolicies{}}
		p, err := declared.find(policy, nil)
		if err != nil {
			return err
		}
		if p.Lowered == nil {
			p.Lowered = lower.Policy(p, nil)
		}
		if len(files) == 0 {
			if files, err = runningLogs(cmd.Context(), find, running); err != nil {
				return err
			}
		}
		events, err := eventsSince(files, since)
		if err != nil {
			return err
		}
		report, err := replay.Run(cmd.Context(), p, events)
		if err != nil {
			return err
		}
		err = print(cmd.OutOrStdout(), *output, report, func(w io.Writer) error { return replayText(w, report) })
		if err == nil && report.Changed+report.Unknown > 0 {
			err = errProblems
		}
		return err
	}
	return cmd
}

func eventsSince(files []string, since time.Duration) ([]model.DecisionEvent, error) {
	var out []model.DecisionEvent
	for _, file := range files {
		events, err := readEvents(file)
		if err != nil {
			return nil, err
		}
		for _, e := range events {
			if since == 0 || e.Timestamp.After(time.Now().Add(-since)) {
				out = append(out, e)
			}
		}
	}
	return out, nil
}

// runningLogs are the files that the running mesh keeps decisions in.
func runningLogs(ctx context.Context, find func(string) (state.Layout, error), mesh string) ([]string, error) {
	l, err := find(mesh)
	if err != nil {
		return nil, err
	}
	snap, err := controlplane.NewClient(l.Path("admin.sock")).Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, b := range snap.Backends {
		if b.Type != model.BackendOPA || b.Path == "" {
			continue
		}
		path := b.Path
		if !filepath.IsAbs(path) {
			path = l.Path("collector", path)
		}
		if old, _ := filepath.Glob(path + ".[0-9]"); len(old) > 0 { // the pattern is good
			out = append(out, old...)
		}
		out = append(out, path)
	}
	if len(out) == 0 {
		return nil, errors.New("the running mesh keeps no log of decisions: declare a TelemetryBackend with opa.path and a TelemetryRule with decisions, or name a FILE")
	}
	return out, nil
}

func replayText(w io.Writer, r replay.Report) error {
	var b strings.Builder
	for _, o := range r.Outcomes {
		fmt.Fprintln(&b, o)
	}
	fmt.Fprintf(&b, "%s: %d same, %d changed, %d unknown\n", r.Policy, r.Same, r.Changed, r.Unknown)
	_, err := io.WriteString(w, b.String())
	return err
}
