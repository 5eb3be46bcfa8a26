// Package stages wires the arrows from declared bytes to a Snapshot: reading,
// keeping what is in force, resolving. The control plane runs it on every
// edit, the offline commands once. It decides nothing itself.
package stages

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/krater-mesh/krater/config/snapshot"
	"github.com/krater-mesh/krater/config/source/file"
	"github.com/krater-mesh/krater/config/store"
	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/fetch"
	"github.com/krater-mesh/krater/filters/builtin/dist"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/lower"
	"github.com/krater-mesh/krater/policyd/rego"
	"github.com/krater-mesh/krater/xds/artifact"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
)

// Stages holds the state between two edits: what is in force.
type Stages struct {
	source  *file.Source
	over    *file.Source // laid over source; nil: nothing is
	store   *store.Store
	builtin model.Module
	modules *artifact.Store
	fetched *fetch.Store
	bundles bundles
	schemas schemas
	starts  *starts
	dir     string
	last    *snapshot.Result // what the Run before came to
	lowered lower.Kept
}

// Result is what the declared configuration comes to.
type Result struct {
	Snapshot  *model.Snapshot
	Endpoints model.Endpoints
	Problems  model.Problems // sorted
	// Objects are all that were declared, InForce those that Snapshot was made of.
	Objects []*crds.Object
	InForce []*crds.Entry
}

// Open prepares the stages for the files under paths. The last good versions
// are kept under stateDir ("" keeps them in memory only), modules in moduleDir.
func Open(paths []string, stateDir, moduleDir string) (*Stages, error) {
	return OpenFollowing(paths, stateDir, moduleDir, nil)
}

// OpenFollowing does not wait for modules that come over the network: it calls
// changed when Run would come to something else by one of them.
func OpenFollowing(paths []string, stateDir, moduleDir string, changed func()) (*Stages, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("finding the working directory: %w", err)
	}
	s := &Stages{source: file.New(paths...), modules: openModules(moduleDir, changed), fetched: openFetched(stateDir, changed), starts: newStarts(moduleDir), dir: dir}
	if err := s.addBuiltin(); err != nil {
		return nil, err
	}
	s.store, err = store.Open(stateDir, store.Hooks{
		CheckRego:     checkRego,
		ResolveModule: s.resolveModule,
		ResolveKeys:   s.resolveKeys,
		ResolveBundle: s.resolveBundle,
		ReadFile:      s.source.ReadFile,
		CheckFilter:   s.checkFilter,
	})
	if err != nil {
		return nil, fmt.Errorf("opening the last good configuration: %w", err)
	}
	return s, nil
}

// addBuiltin makes the built-in filters known. A krater that was built without
// them works, but for the objects that need them: those get a Problem.
func (s *Stages) addBuiltin() error {
	code, err := dist.Module()
	if err != nil {
		return nil
	}
	s.builtin, err = s.modules.AddBuiltin(code)
	if err != nil {
		return fmt.Errorf("keeping the built-in filters: %w", err)
	}
	return nil
}

// Close ends what fetches modules, and else.
func (s *Stages) Close() {
	s.modules.Close()
	s.fetched.Close()
}

// Modules are those that filters get from elsewhere, and where each stands.
func (s *Stages) Modules() []artifact.State { return s.modules.States() }

// SweepModules removes the modules that nobody names, after a while.
func (s *Stages) SweepModules(keep func(digest string) bool) { s.modules.Sweep(keep, sweepAge) }

// sweepAge is how long a module is left that nobody names: what names it may
// be on its way.
const sweepAge = 10 * time.Minute

// Builtin is the module of the built-in filters.
func (s *Stages) Builtin() model.Module { return s.builtin }

// Watch calls onChange after the files changed, until ctx ends.
func (s *Stages) Watch(ctx context.Context, onChange func()) error {
	return s.source.Watch(ctx, onChange)
}

// Run reads everything and resolves it. The error is one that leaves nothing
// to work with (a path that is not there); what a user can mend is a Problem.
func (s *Stages) Run(ctx context.Context) (Result, error) {
	tracer := otel.Tracer("krater/config")

	_, span := tracer.Start(ctx, "config.read")
	listing, err := s.read()
	span.SetAttributes(attribute.Int("krater.objects", len(listing.Objects)))
	span.End()
	if err != nil {
		return Result{}, fmt.Errorf("reading the configuration: %w", err)
	}

	_, span = tracer.Start(ctx, "config.apply")
	s.modules.Round()
	s.fetched.Round()
	s.bundles.round()
	applied := s.store.Apply(listing)
	span.End()

	_, span = tracer.Start(ctx, "config.snapshot")
	built := snapshot.Build(applied.Candidates, snapshot.Options{WorkingDir: s.dir, Previous: s.last, Lower: s.lowered.Policy})
	s.last = &built
	span.SetAttributes(attribute.String("krater.snapshot", built.Snapshot.Version))
	span.End()

	result := Result{
		Snapshot:  built.Snapshot,
		Endpoints: built.Endpoints,
		Problems:  model.Problems(slices.Concat(listing.Problems, applied.Problems, built.Problems)).Sorted(),
		Objects:   listing.Objects,
		InForce:   built.InForce,
	}
	s.store.Commit(built.InForce)
	return result, nil
}

// Save writes what is in force, for a restart. It waits for the disk: it is to
// be called when an edit has been published.
func (s *Stages) Save() error { return s.store.Save() }

func checkRego(p model.RegoPolicy) []store.RegoError {
	var out []store.RegoError
	for _, problem := range rego.CheckRego(p) {
		if problem.Severity == model.Error {
			out = append(out, store.RegoError{Module: problem.Origin.File, Line: problem.Origin.Line, Message: problem.Message})
		}
	}
	return out
}
