// Package workbench takes a filter from its saved sources to answers: it
// builds, loads into a sandbox, sends the cases, and does so again whenever a
// file is saved. What does not build, or is refused, leaves the one before.
package workbench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/krater-mesh/krater/agent"
	"github.com/krater-mesh/krater/filters/build"
	"github.com/krater-mesh/krater/filters/filtercase"
	"github.com/krater-mesh/krater/filters/sandbox"
)

// Bench is one filter on the bench.
type Bench struct {
	// Source is the filter's folder, or a module (*.wasm) that something else
	// builds.
	Source string
	// Requests is the file of cases; "": requests.yaml in the folder, if it is there.
	Requests string
	Network  bool
	Build    func(ctx context.Context, dir string) (build.Result, error)
	Report   Reporter

	built   build.Result
	cases   *filtercase.File
	sandbox *sandbox.Sandbox
}

// Reporter is told what happens.
type Reporter interface {
	Built(build.Result)
	Loaded(url string, took time.Duration)
	Answered(c filtercase.Case, g filtercase.Got, differences []string)
	Logged(line string)
	Failed(error)
	// Effective is called when a save is in effect: the time since.
	Effective(files []string, took time.Duration)
}

// ErrDiffers is Try's error where an answer is not the wanted one.
var ErrDiffers = errors.New("some answers are not what was wanted")

func (b *Bench) isModule() bool { return strings.HasSuffix(b.Source, ".wasm") }

// Prepare reads the cases and builds the module.
func (b *Bench) Prepare(ctx context.Context) error {
	if err := b.read(); err != nil {
		return err
	}
	if b.isModule() {
		if _, err := os.Stat(b.Source); err != nil {
			return fmt.Errorf("reading the module: %w", err)
		}
		b.built = build.Result{File: b.Source}
		return nil
	}
	built, err := b.Build(ctx, b.Source)
	if err != nil {
		return err
	}
	b.built = built
	b.Report.Built(built)
	return nil
}

// Module is the file of the built module.
func (b *Bench) Module() string { return b.built.File }

// Cases are those that were read.
func (b *Bench) Cases() *filtercase.File { return b.cases }

func (b *Bench) read() error {
	file := b.requestsFile()
	if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) && b.Requests == "" {
		b.cases = &filtercase.File{}
		return nil
	}
	cases, err := filtercase.Read(file)
	if err != nil {
		return err
	}
	b.cases = cases
	return nil
}

func (b *Bench) requestsFile() string {
	if b.Requests != "" {
		return b.Requests
	}
	dir := b.Source
	if b.isModule() {
		dir = filepath.Dir(dir)
	}
	return filepath.Join(dir, "requests.yaml")
}

// Open starts the sandbox; envoy is its binary, "" where agent.FindEnvoy finds
// one.
func (b *Bench) Open(ctx context.Context, envoy string) error {
	if envoy == "" {
		found, err := agent.FindEnvoy()
		if err != nil {
			return err
		}
		envoy = found
	}
	s, err := sandbox.Start(ctx, sandbox.Options{Envoy: envoy, Services: b.cases.Answers()})
	b.sandbox = s
	return err
}

// Close ends the sandbox.
func (b *Bench) Close() {
	if b.sandbox != nil {
		b.sandbox.Close()
	}
}

// Load puts what is built into the sandbox.
func (b *Bench) Load(ctx context.Context) error {
	file, err := filepath.Abs(b.built.File)
	if err != nil {
		return err
	}
	took, err := b.sandbox.Load(ctx, sandbox.Filter{File: file, RootID: b.cases.RootID, Config: b.cases.ConfigText(), Network: b.Network})
	if err != nil {
		return err
	}
	b.Report.Loaded(b.sandbox.URL(), took)
	return nil
}

// Try sends the cases through the sandbox.
func (b *Bench) Try(ctx context.Context) error {
	var out error
	for _, c := range b.cases.Requests {
		got, err := c.Send(ctx, b.sandbox)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var differences []string
		if err != nil {
			differences = []string{err.Error()}
		} else {
			differences = c.Differences(got)
		}
		if len(differences) > 0 {
			out = ErrDiffers
		}
		b.Report.Answered(c, got, differences)
	}
	b.sandbox.Answer(nil)
	return out
}
