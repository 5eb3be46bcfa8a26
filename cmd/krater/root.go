package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "krater",
		Short: "Policy, filters and telemetry for a mesh of Envoys, compiled into the proxy.",
		Long: `Krater declares policy, filters and telemetry for a service mesh of real Envoys,
and compiles each rule to the cheapest place that keeps its meaning: Envoy's own
filters, else a Wasm filter, else the policy daemon. Traffic is declared in
Istio's own kinds.

Start with:  krater up samples/bookinfo`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.PersistentFlags().Bool("debug", false, "Log debugging details to standard error.")
	root.AddCommand(
		upCommand(), downCommand(), statusCommand(),
		analyzeCommand(), translateCommand(), compileCommand(), explainCommand(), diffCommand(), proxyConfigCommand(), injectCommand(),
		workloadCommand(), policyCommand(),
		filterCommand(),
		caCommand(), tokenCommand(),
		controlPlaneCommand(), policydCommand(), collectorCommand(), withRedirect(agentCommand()),
	)
	return root
}

// logger writes to standard error.
func logger(cmd *cobra.Command) *slog.Logger {
	level := slog.LevelInfo
	if debug, _ := cmd.Flags().GetBool("debug"); debug {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}

// outputFlag adds -o with the formats a command knows.
func outputFlag(cmd *cobra.Command, formats string) *string {
	return cmd.Flags().StringP("output", "o", "", "Print as "+formats+"; a text for people if not given.")
}

// print writes a value as "json" or "yaml"; any other format is text's to write.
func print(w io.Writer, format string, value any, text func(io.Writer) error) error {
	switch format {
	case "json":
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(value)
	case "yaml":
		b, err := yaml.Marshal(value)
		if err != nil {
			return fmt.Errorf("writing YAML: %w", err)
		}
		_, err = w.Write(b)
		return err
	case "":
		return text(w)
	}
	return fmt.Errorf("-o %s is not known here: use json, yaml, or leave it out", format)
}
