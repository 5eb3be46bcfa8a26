package stages

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/krater-mesh/krater/config/store"
	"github.com/krater-mesh/krater/filters/sdk/secret"
	"github.com/krater-mesh/krater/filters/verify"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/artifact"
)

// openModules makes the store of modules. changed is told when one that was
// pending is there, or is known not to come; nil: each is waited for.
func openModules(dir string, changed func()) *artifact.Store {
	return artifact.New(artifact.Options{Dir: dir, Changed: changed, Verify: verifyModule, Verifier: verify.Key("", verify.Options{})})
}

// resolveModule refuses a built-in filter that is not there: a proxy would only
// refuse it later.
func (s *Stages) resolveModule(r store.ModuleRequest) store.ModuleAnswer {
	if root, ok := strings.CutPrefix(r.Filter.Module.URL, model.BuiltinModule); ok && builtinFilters[root] == nil {
		return store.ModuleAnswer{Code: model.CodeBadModule,
			Message: fmt.Sprintf("there is no built-in filter %q: there are %s", root, strings.Join(slices.Sorted(maps.Keys(builtinFilters)), ", "))}
	}
	m, err := s.modules.Resolve(context.Background(), artifact.Request(r))
	out := store.ModuleAnswer{Module: m}
	if err == nil {
		return out
	}
	out.Code, out.Message = model.CodeBadModule, err.Error()
	if errors.Is(err, artifact.ErrPending) {
		out.Code, out.Pending = model.CodeModulePending, true
	}
	if signature := (*artifact.Signature)(nil); errors.As(err, &signature) {
		out.Code = model.CodeBadSignature
	}
	return out
}

// verifyModule runs a module as the filter that wants it. What that filter's
// configuration is refused for is no fault of the module's: it is the object
// that is told.
func verifyModule(ctx context.Context, code []byte, f *model.FilterBinding) artifact.Verdict {
	o := startOptions(f, f.Config)
	o.Limits.Size = int64(len(code)) // the mesh's limit was applied already
	o.Limits.Total = time.Minute     // nobody waits for it, and the machine may be busy
	if f.Config == "" {
		o.Config = nil
	}
	var out artifact.Verdict
	var reasons []string
	for _, finding := range verify.Module(ctx, code, o).Findings {
		switch {
		case finding.Level != verify.Error:
		case finding.Check == verify.CheckConfig:
			out.Once = true
		default:
			out.Once = out.Once || finding.Check == verify.CheckTime // the machine's fault
			reasons = append(reasons, finding.Message)
		}
	}
	out.Refused = strings.Join(reasons, "; ")
	return out
}

// startOptions are what a proxy would start a filter with, but for what its
// secrets hold.
func startOptions(f *model.FilterBinding, config string) verify.Options {
	o := verify.Options{Type: verify.Type(f.Type), RootID: f.RootID, Config: []byte(placeheld(config)), Env: map[string]string{secret.KeyVariable: placeholderKey},
		Limits: verify.Limits{Memory: f.Limits.MemoryBytes, Start: time.Duration(f.Limits.StartTime)}}
	maps.Copy(o.Env, f.Env)
	return o
}
