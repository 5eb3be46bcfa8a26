package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/krater-mesh/krater/agent"
	"github.com/krater-mesh/krater/cmd/krater/state"
	"github.com/krater-mesh/krater/xds/translate"
	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

func translateCommand() *cobra.Command {
	var proxy, modules string
	cmd := &cobra.Command{
		Use:   "translate PATH... --proxy NAME",
		Short: "Print the Envoy configuration that one proxy gets, offline.",
		Long: `Print the Envoy configuration that one proxy gets, offline.

-o envoy prints one self-contained bootstrap, with nothing left to discover:
envoy -c FILE runs it. Its Wasm modules are written to --modules. Private keys
are never printed, but by -o envoy with --private-keys.`,
		Example: "  krater translate samples/bookinfo --proxy reviews-v1\n  krater translate samples/bookinfo --proxy reviews-v1 -o envoy > envoy.json",
		Args:    cobra.MinimumNArgs(1),
	}
	cmd.Flags().StringVar(&proxy, "proxy", "", "The workload, NAME or NAMESPACE/NAME.")
	cmd.Flags().StringVar(&modules, "modules", "", "Folder for Wasm modules that the configuration names (default: the mesh's own).")
	keys := cmd.Flags().Bool("private-keys", false, "With -o envoy, print the private keys of Secrets, too.")
	_ = cmd.MarkFlagRequired("proxy")
	output := cmd.Flags().StringP("output", "o", "yaml", "Print as yaml, json, or envoy.")
	cmd.RunE = func(cmd *cobra.Command, paths []string) error {
		read, done, err := readOffline(cmd.Context(), paths)
		if err != nil {
			return err
		}
		defer done()
		warn(cmd.ErrOrStderr(), read.Problems)
		w, err := read.workload(proxy)
		if err != nil {
			return err
		}
		layout, err := state.For(paths[0])
		if err != nil {
			return err
		}
		options := read.translateOptions()
		options.NoIdentity = *output == "envoy" // nobody serves it one
		if modules == "" {
			modules = layout.Path("modules")
		} else if err := copyModules(read.moduleDir, modules); err != nil {
			return err
		}
		options.ModuleDir = modules
		resources, problems := translate.Translate(read.Snapshot, read.Endpoints, w, options)
		warn(cmd.ErrOrStderr(), problems)
		if *output == "envoy" {
			problems, err := staticSecrets(read.Snapshot, resources)
			if err != nil {
				return err
			}
			if len(problems) > 0 {
				warn(cmd.ErrOrStderr(), problems)
				return errProblems
			}
			return printStatic(cmd.OutOrStdout(), resources, *keys, agent.Proxy{ID: w.ID(), Name: w.Name, Address: w.Address, Locality: w.Locality}, layout)
		}
		return printResources(cmd.OutOrStdout(), resources, *output)
	}
	return cmd
}

func printResources(out io.Writer, resources translate.Resources, format string) error {
	text, err := resources.JSON()
	if err != nil {
		return err
	}
	if format == "yaml" {
		if text, err = yaml.JSONToYAML(text); err != nil {
			return fmt.Errorf("writing YAML: %w", err)
		}
	} else if format != "json" {
		return fmt.Errorf("-o %s is not known here: use yaml, json or envoy", format)
	}
	_, err = out.Write(text)
	return err
}

// printStatic prints a bootstrap that needs no control plane; Krater's other
// parts are where the mesh of that folder has them.
func printStatic(out io.Writer, resources translate.Resources, keys bool, p agent.Proxy, l state.Layout) error {
	base, err := agent.Bootstrap(p, agent.Upstreams{Policyd: l.Socket("policyd"), OTLP: l.Socket("otlp"), ALS: l.Socket("als")})
	if err != nil {
		return err
	}
	form := translate.Static
	if keys {
		form = translate.StaticWithKeys
	}
	static, err := form(resources, base)
	if err != nil {
		return err
	}
	text, err := translate.BootstrapJSON(static)
	if err != nil {
		return err
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, text, "", " "); err != nil {
		return fmt.Errorf("writing the bootstrap: %w", err)
	}
	_, err = fmt.Fprintf(out, "%s\n", &indented)
	return err
}
