package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/policytest"
	"github.com/spf13/cobra"
)

func policyTestCommand() *cobra.Command {
	var mesh []string
	var threshold float64
	var verbose bool
	cmd := &cobra.Command{
		Use:   "test PATH...",
		Short: "Run a policy's cases, and OPA's own tests.",
		Long: `Run the tests below the paths: files of cases (YAML with a policy, requests and
the answers that are wanted) and OPA's tests (*_test.rego). Each case is held
against OPA and, where proxies decide it by themselves, against their rules: an
answer that differs between the two is an error, whatever is wanted.`,
		Example: "  krater policy test samples/bookinfo/policy --mesh samples/bookinfo",
		Args:    cobra.MinimumNArgs(1),
	}
	cmd.Flags().StringArrayVar(&mesh, "mesh", nil, "Where the objects are declared that cases name without files.")
	cmd.Flags().Float64Var(&threshold, "coverage-threshold", 0, "The percentage of the policies' lines that the tests must touch.")
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "Show what passed, too, and where it is decided.")
	output := outputFlag(cmd, "json or yaml")
	cmd.RunE = func(cmd *cobra.Command, paths []string) error {
		report, err := runPolicyTests(cmd.Context(), paths, mesh, threshold > 0)
		if err != nil {
			return err
		}
		err = print(cmd.OutOrStdout(), *output, report, func(w io.Writer) error { return report.Text(w, verbose) })
		switch {
		case err != nil:
			return err
		case report.Failed > 0:
			return errProblems
		case threshold > 0 && report.Coverage.Percent < threshold:
			fmt.Fprintf(cmd.ErrOrStderr(), "%.1f%% of the policies' lines are touched, less than %g%%\n", report.Coverage.Percent, threshold)
			return errProblems
		}
		return nil
	}
	return cmd
}

func policyCoverageCommand() *cobra.Command {
	var mesh []string
	cmd := &cobra.Command{
		Use:   "coverage PATH...",
		Short: "Say which lines of policies, and which of the proxies' rules, their tests touch.",
		Args:  cobra.MinimumNArgs(1),
	}
	cmd.Flags().StringArrayVar(&mesh, "mesh", nil, "Where the objects are declared that cases name without files.")
	output := outputFlag(cmd, "json or yaml")
	cmd.RunE = func(cmd *cobra.Command, paths []string) error {
		report, err := runPolicyTests(cmd.Context(), paths, mesh, true)
		if err != nil {
			return err
		}
		if err := print(cmd.OutOrStdout(), *output, report.Coverage, report.Coverage.Text); err != nil {
			return err
		}
		if report.Failed > 0 {
			fmt.Fprintf(cmd.ErrOrStderr(), "%d tests fail: krater policy test says why\n", report.Failed)
			return errProblems
		}
		return nil
	}
	return cmd
}

// runPolicyTests runs all tests below the paths.
func runPolicyTests(ctx context.Context, paths, mesh []string, coverage bool) (*policytest.Report, error) {
	suites, tests, err := findPolicyTests(paths)
	if err != nil {
		return nil, err
	}
	if len(suites) == 0 && len(tests) == 0 {
		return nil, fmt.Errorf("%s: there are no files of cases, and no *_test.rego", strings.Join(paths, ", "))
	}
	declared := &declaredPolicies{ctx: ctx, mesh: mesh, known: map[string]offlinePolicies{}}
	options := policytest.Options{Object: declared.find, Coverage: coverage}
	lowering(&options)
	report := &policytest.Report{}
	if coverage {
		report.Coverage = &policytest.Coverage{}
	}
	named := map[string]bool{} // tests that run beside a suite's policy
	for _, s := range suites {
		for _, t := range s.Tests {
			named[filepath.Join(filepath.Dir(s.File), t)] = true
		}
		if err := report.Run(ctx, s, options); err != nil {
			return nil, err
		}
	}
	for _, folder := range tests.folders(named) {
		if err := report.RunFolder(ctx, folder, options); err != nil {
			return nil, err
		}
	}
	report.Finish()
	return report, nil
}

// regoTests are files of OPA's tests.
type regoTests []string

// folders gives what belongs to the tests that no suite names: each test's
// folder, whole.
func (t regoTests) folders(named map[string]bool) [][]string {
	seen := map[string]bool{}
	var out [][]string
	for _, file := range t {
		if dir := filepath.Dir(file); !named[filepath.Clean(file)] && !seen[dir] {
			seen[dir] = true
			out = append(out, regoOf(dir, named))
		}
	}
	return out
}

// regoOf are the files of a folder that its tests are about.
func regoOf(dir string, named map[string]bool) []string {
	var out []string
	for _, pattern := range []string{"*.rego", "data.json", "data.yaml", "data.yml"} {
		files, _ := filepath.Glob(filepath.Join(dir, pattern)) // the pattern is good
		for _, f := range files {
			if !named[filepath.Clean(f)] {
				out = append(out, f)
			}
		}
	}
	return out
}

// findPolicyTests looks below the paths for files of cases and OPA's tests.
func findPolicyTests(paths []string) (suites []policytest.Suite, tests regoTests, err error) {
	for _, path := range paths {
		err := filepath.WalkDir(path, func(file string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			switch ext := filepath.Ext(file); {
			case strings.HasSuffix(file, "_test.rego"):
				tests = append(tests, file)
			case ext == ".yaml" || ext == ".yml":
				s, is, err := policytest.Read(file)
				if err != nil {
					return err
				}
				if is {
					suites = append(suites, s)
				}
			}
			return nil
		})
		if err != nil {
			return nil, nil, fmt.Errorf("looking for tests in %s: %w", path, err)
		}
	}
	return suites, tests, nil
}

// declaredPolicies finds RegoPolicies that are declared in files, each of
// which is read once.
type declaredPolicies struct {
	ctx   context.Context
	mesh  []string
	known map[string]offlinePolicies
}

type offlinePolicies map[string]model.RegoPolicy

func (d *declaredPolicies) find(key string, files []string) (model.RegoPolicy, error) {
	if len(files) == 0 {
		files = d.mesh
	}
	if len(files) == 0 {
		return model.RegoPolicy{}, fmt.Errorf("policy %s: name its files in policy.files, or the mesh by --mesh", key)
	}
	at := strings.Join(files, "\x00")
	if _, ok := d.known[at]; !ok {
		read, done, err := readOffline(d.ctx, files)
		if err != nil {
			return model.RegoPolicy{}, err
		}
		defer done()
		warn(os.Stderr, read.Problems)
		d.known[at] = offlinePolicies{}
		for _, p := range read.Snapshot.Rego {
			d.known[at][p.Object.Key()] = *p
		}
	}
	if p, ok := d.known[at][key]; ok {
		return p, nil
	}
	return model.RegoPolicy{}, fmt.Errorf("policy %s: no RegoPolicy of that name is in force in %s", key, strings.Join(files, ", "))
}
