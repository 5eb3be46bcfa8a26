package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/telemetry/decisionstore"
	"github.com/spf13/cobra"
)

func policyShadowReportCommand() *cobra.Command {
	var file string
	var since time.Duration
	cmd := &cobra.Command{
		Use:   "shadow-report [DIR]",
		Short: "Say what policies in shadow would have denied, by caller and path.",
		Long: `Say what policies in shadow (mode Shadow, and Istio's dry run) would have denied,
by policy, caller and path: of the running mesh's last requests, or of a log of
decisions. What looks like an id in a path is shown as {}.`,
		Args: cobra.MaximumNArgs(1),
	}
	cmd.Flags().StringVar(&file, "file", "", "A log of decisions, in OPA's form, in the place of the running mesh.")
	cmd.Flags().DurationVar(&since, "since", 0, "Only requests of this last while: 1h.")
	find := recordsFlag(cmd)
	output := outputFlag(cmd, "json or yaml")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		report := &decisionstore.ShadowReport{}
		after := time.Time{}
		if since > 0 {
			after = time.Now().Add(-since)
		}
		add := func(r model.DecisionRecord) {
			if r.Time.Before(after) || r.Direction == "outbound" {
				return
			}
			for _, s := range r.Shadows {
				report.Add(s, r)
			}
		}
		if err := readShadows(file, add, func() (string, error) {
			l, err := find(strings.Join(args, ""))
			return l.Path("collector"), err
		}); err != nil {
			return err
		}
		report.Finish()
		return print(cmd.OutOrStdout(), *output, report, func(w io.Writer) error { return report.Text(w) })
	}
	return cmd
}

// readShadows reads a log of decisions, or what the collector has kept.
func readShadows(file string, add func(model.DecisionRecord), collector func() (string, error)) error {
	if file == "" {
		dir, err := collector()
		if err != nil {
			return err
		}
		return decisionstore.Read(dir, add)
	}
	events, err := readEvents(file)
	for _, e := range events {
		k := e.Custom.Krater
		if k.Shadow {
			k.Decision.DecisionID = e.DecisionID
			add(model.DecisionRecord{Time: e.Timestamp, RequestID: k.RequestID, Proxy: k.Proxy, Caller: k.Caller, Method: k.Method, Path: k.URLPath, Shadows: []model.Decision{k.Decision}})
		}
	}
	return err
}

// maxEvents is the size of a log that is read whole.
const maxEvents = 512 << 20

// readEvents reads a log of decisions; "-" is the standard input.
func readEvents(file string) ([]model.DecisionEvent, error) {
	in := io.Reader(os.Stdin)
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, fmt.Errorf("reading decisions: %w", err)
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxEvents))
	if err != nil {
		return nil, fmt.Errorf("reading decisions: %w", err)
	}
	events, skipped := model.ReadEvents(text)
	if skipped > 0 {
		fmt.Fprintf(os.Stderr, "%s: %d lines are no decisions\n", file, skipped)
	}
	return events, nil
}
