package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/krater-mesh/krater/cmd/krater/trial"
	"github.com/krater-mesh/krater/filters/module"
	"github.com/krater-mesh/krater/filters/sandbox"
	"github.com/krater-mesh/krater/filters/verify"
	"github.com/spf13/cobra"
)

// verified is all that `krater filter verify` came to.
type verified struct {
	File   string        `json:"file"`
	Module verify.Report `json:"module"`
	Envoy  *trial.Result `json:"envoy,omitempty"` // nil: it was not tried there
}

func (v verified) ok() bool { return v.Module.OK() && (v.Envoy == nil || v.Envoy.OK()) }

// verifyFlags are what was asked for.
type verifyFlags struct {
	root, config, envoy string
	network, noEnvoy    bool
	requests            int
	memory              int64
}

func filterVerifyCommand() *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "verify FILE.wasm",
		Short: "Tell whether a Wasm module may be given to proxies.",
		Long: `Tell whether a Wasm module may be given to proxies, whoever built it. What it
imports and exports is compared with what Envoy gives and calls. Then it is
started with limits and gets requests of many forms: large and malformed ones,
cancelled ones, calls that fail. At last a throwaway Envoy loads it and sends
requests through it.

The control plane does the same, but for the last, before it gives a module to
any proxy. Exit code 1: something is wrong with the module.`,
		Example: "  krater filter verify greeting.wasm --config '{\"greeting\":\"hello\"}'\n  krater filter verify mine.wasm --config @config.json --no-envoy -o json",
		Args:    cobra.ExactArgs(1),
	}
	cmd.Flags().StringVar(&f.config, "config", "", "The filter's configuration, or @FILE that holds it.")
	cmd.Flags().StringVar(&f.root, "root-id", "", "The root that gets the configuration (default: the module's only one).")
	cmd.Flags().BoolVar(&f.network, "network", false, "The filter sees connections, not requests.")
	cmd.Flags().IntVar(&f.requests, "requests", 1000, "Requests to send through it.")
	cmd.Flags().Int64Var(&f.memory, "memory", 128, "MiB of memory that it may take.")
	cmd.Flags().BoolVar(&f.noEnvoy, "no-envoy", false, "Do not try it in an Envoy.")
	cmd.Flags().StringVar(&f.envoy, "envoy", "", "The Envoy binary (default: as for `krater up`).")
	output := outputFlag(cmd, "json or yaml")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		v, err := f.verify(cmd.Context(), args[0], cmd.Flags().Changed("config"), func(step string) {
			fmt.Fprintf(cmd.ErrOrStderr(), "krater: %s ...\n", step)
		})
		if err != nil {
			return err
		}
		if err := print(cmd.OutOrStdout(), *output, v, func(w io.Writer) error { return verifiedText(w, v) }); err != nil {
			return err
		}
		if !v.ok() {
			return errProblems
		}
		return nil
	}
	return cmd
}

func (f verifyFlags) verify(ctx context.Context, file string, declared bool, step func(string)) (verified, error) {
	v := verified{File: file}
	if f.requests < 1 || f.memory < 1 {
		return v, fmt.Errorf("--requests and --memory are numbers from 1 on")
	}
	o := verify.Options{RootID: f.root, Progress: step, Limits: verify.Limits{Requests: f.requests, Memory: f.memory << 20, Total: time.Minute}}
	if declared {
		config, err := readFlag(f.config)
		if err != nil {
			return v, err
		}
		o.Config = config
	}
	f.describe(file, &o)
	var err error
	if v.Module, err = verify.File(ctx, file, o); err != nil {
		return v, err
	}
	if !v.Module.OK() || f.noEnvoy || unconfigured(v.Module) {
		return v, nil
	}
	step("loading it in an Envoy, which compiles it")
	path, err := filepath.Abs(file)
	if err != nil {
		return v, err
	}
	tried, err := trial.Run(ctx, trial.Options{Envoy: f.envoy, Filter: sandbox.Filter{
		File: path, RootID: o.RootID, Config: string(o.Config), Network: o.Type == verify.Network,
	}})
	if err != nil {
		return v, fmt.Errorf("trying it in an Envoy (--no-envoy leaves that out): %w", err)
	}
	v.Envoy = &tried
	return v, nil
}

// describe fills in what the module says of itself, where nothing was said.
func (f verifyFlags) describe(file string, o *verify.Options) {
	if f.network {
		o.Type = verify.Network
	}
	info, err := os.Stat(file)
	if err != nil || info.Size() > 64<<20 {
		return // verify says it
	}
	code, err := os.ReadFile(file)
	if err != nil {
		return
	}
	d, err := module.Describe(code)
	if err != nil || d == nil {
		return
	}
	if o.RootID == "" && len(d.Roots) == 1 {
		o.RootID = d.Roots[0].ID
	}
	if r := d.Find(o.RootID); r != nil && r.Type == module.Network {
		o.Type = verify.Network
	}
}

// unconfigured is a module that wants a configuration and got none.
func unconfigured(r verify.Report) bool {
	return slices.ContainsFunc(r.Findings, func(f verify.Finding) bool { return f.Check == verify.CheckConfig })
}

// readFlag gives a flag's text, or that of the file that it names.
func readFlag(text string) ([]byte, error) {
	name, isFile := strings.CutPrefix(text, "@")
	if !isFile {
		return []byte(text), nil
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	return b, nil
}
