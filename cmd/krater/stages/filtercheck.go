package stages

import (
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/krater-mesh/krater/config/store"
	"github.com/krater-mesh/krater/filters/module"
	"github.com/krater-mesh/krater/filters/schema"
	"github.com/krater-mesh/krater/filters/sdk/sdktest"
	"github.com/krater-mesh/krater/model"
)

// told is one configuration of a filter: its own, or a route's.
type told struct {
	config  string
	at      string // its field
	secrets []model.FilterSecret
}

func configurations(f *model.FilterBinding, at string) []told {
	out := []told{{f.Config, at, f.Secrets}}
	for i, r := range f.Routes {
		if !r.Disabled {
			out = append(out, told{r.Config, fmt.Sprintf("spec.routes[%d].config", i), r.Secrets})
		}
	}
	return out
}

// finding is one of a configuration's, at a path in it.
func (t told) finding(path, text string) store.FilterFinding {
	field := t.at
	switch {
	case strings.HasPrefix(path, "["):
		field += path
	case path != "":
		field += "." + path
	}
	return store.FilterFinding{Field: field, Text: text, Fix: "the filter's fields are in its documentation; those of Krater's own in docs/filters.md"}
}

// lines are what a filter says of its configuration: a field's path, and what
// is wrong with it, each.
func (t told) lines(text string) []store.FilterFinding {
	var out []store.FilterFinding
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		path, rest, ok := strings.Cut(line, ": ")
		if !ok || strings.Contains(path, " ") {
			path, rest = "", line
		}
		out = append(out, t.finding(path, rest))
	}
	return out
}

// checkFilter says what is wrong with what a filter is told: by its schema,
// then by the filter itself.
func (s *Stages) checkFilter(f *model.FilterBinding, at string) []store.FilterFinding {
	if root, ok := strings.CutPrefix(f.Module.URL, model.BuiltinModule); ok {
		return checkBuiltin(root, f, at)
	}
	if f.Type == model.FilterLua || f.Module.Digest == "" {
		return nil
	}
	described, err := s.schemas.of(s.modules.Path(f.Module.Digest), f.Module.Digest)
	if err != nil {
		return []store.FilterFinding{{Field: at, Text: err.Error(), Fix: "build it with krater filter build", Warning: true}}
	}
	checker, out := s.schemas.checker(f, described, at)
	for _, t := range configurations(f, at) {
		found := checkBySchema(checker, t)
		if !refuses(found) {
			found = append(found, s.starts.check(s.modules.Path(f.Module.Digest), f, t)...)
		}
		out = append(out, found...)
	}
	return out
}

func refuses(list []store.FilterFinding) bool {
	for _, f := range list {
		if !f.Warning {
			return true
		}
	}
	return false
}

// checkBuiltin has one of Krater's own filters read its configuration, as it
// does in the proxy.
func checkBuiltin(root string, f *model.FilterBinding, at string) []store.FilterFinding {
	read := builtinFilters[root]
	if read == nil {
		return nil // there is no such module: that is said already
	}
	var out []store.FilterFinding
	for _, t := range configurations(f, at) {
		if _, err := read(sdktest.NewHost(), []byte(t.config)); err != nil {
			out = append(out, t.lines(err.Error())...)
		}
	}
	return out
}

// checkBySchema holds a configuration against a schema; nil: there is none. A
// secret goes only to a filter that says that it takes one there.
func checkBySchema(s *schema.Schema, t told) []store.FilterFinding {
	var out []store.FilterFinding
	if s == nil {
		for _, secret := range t.secrets {
			out = append(out, store.FilterFinding{Field: secret.Field + ".secretRef", Text: "neither the module nor spec.schema says that it takes a secret here",
				Fix: "build it with krater filter build, or give its schema under spec.schema"})
		}
		return out
	}
	for _, finding := range s.Check(unqualified(t.config)) {
		one := t.finding(finding.Field, finding.Text)
		if one.Warning = finding.Warning; one.Warning {
			one.Fix = "take it from a Secret: {secretRef: {name: NAME, key: KEY}}"
		}
		out = append(out, one)
	}
	return out
}

// unqualified is a configuration as it was declared.
func unqualified(config string) string {
	out, err := model.MapSecretRefs(config, func(_ string, ref any) any {
		r, _ := model.SecretRefOf(ref, "")
		return map[string]any{"secretRef": map[string]any{"name": r.Name, "key": r.Key}}
	})
	if err != nil {
		return config
	}
	return out
}

// schemas are those of modules, by digest, and those that were compiled.
type schemas struct {
	mu        sync.Mutex
	described map[string]*module.Description
	compiled  map[string]*schema.Schema // by text
}

// of is what a module says of itself; nil where it says nothing.
func (s *schemas) of(path, digest string) (*module.Description, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d, known := s.described[digest]; known {
		return d, nil
	}
	code, err := os.ReadFile(path)
	if err != nil {
		return nil, nil // it is gone meanwhile: the proxies are told, too
	}
	d, err := module.Describe(code)
	if err != nil {
		return nil, fmt.Errorf("what the module says of its configuration cannot be read: %w", err)
	}
	if s.described == nil {
		s.described = map[string]*module.Description{}
	}
	s.described[digest] = d
	return d, nil
}

// checker is the schema of a filter's configuration: the declared one, or the
// module's own; nil: there is none.
func (s *schemas) checker(f *model.FilterBinding, d *module.Description, at string) (*schema.Schema, []store.FilterFinding) {
	text, field := f.Schema, "spec.schema"
	if root := d.Find(f.RootID); text == "" && root != nil {
		text, field = string(root.Schema), at
	}
	if text == "" {
		return nil, nil
	}
	c, err := s.compile(text)
	if err == nil {
		return c, nil
	}
	return nil, []store.FilterFinding{{Field: field, Text: err.Error(), Fix: "JSON Schema, draft 2020-12, with nothing outside of itself", Warning: f.Schema == ""}}
}

func (s *schemas) compile(text string) (*schema.Schema, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.compiled[text]; c != nil {
		return c, nil
	}
	c, err := schema.Compile(text)
	if err != nil {
		return nil, err
	}
	if s.compiled == nil {
		s.compiled = map[string]*schema.Schema{}
	}
	s.compiled[text] = c
	return c, nil
}
