package store

import (
	"fmt"
	"path/filepath"

	"github.com/krater-mesh/krater/config/source"
	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// ModuleRequest asks for the Wasm module of a filter.
type ModuleRequest struct {
	// Filter's Module.Digest is the pin, "" for none.
	Filter     *model.FilterBinding
	BaseDir    string // what a relative path starts at
	Policy     *model.ModulePolicy
	Registries []byte // docker's configuration, of the pull Secret; nil: none
}

// ModuleAnswer is what is to be had.
type ModuleAnswer struct {
	Module  model.Module // the last good one; Digest "" where there is none
	Pending bool         // it is not known yet what comes
	// Code and Message tell why there is no module, or no newer one.
	Code, Message string
}

// module is what came of asking for an object's module; nil: it needs none.
type module struct {
	asked  *crds.Entry // before the module was known
	field  string      // that the problem is about
	answer ModuleAnswer
}

// moduleOf asks for the module of an entry, and puts it there.
func (h Hooks) moduleOf(e *crds.Entry) *module {
	f := e.Content.Filter
	if f == nil || f.Type == model.FilterLua || h.ResolveModule == nil {
		return nil
	}
	asked := *e
	m := &module{asked: &asked, field: urlField(e)}
	request := ModuleRequest{Filter: f, BaseDir: filepath.Dir(e.Origin.File), Policy: h.around.policy}
	name := f.Module.Pull.Secret
	if name != "" {
		request.Registries = h.around.registries[e.Ref.Namespace+"/"+name]
	}
	switch {
	case h.around.lost:
		m.answer = ModuleAnswer{Code: model.CodeBadModule, Message: "what the mesh asks of modules cannot be read: mend the Mesh first"}
	case name != "" && request.Registries == nil:
		m.answer = ModuleAnswer{Code: model.CodeBadModule, Message: fmt.Sprintf("there is no pull Secret %s in the namespace %s", name, e.Ref.Namespace)}
	default:
		m.answer = h.ResolveModule(request)
	}
	resolved := *f
	got := m.answer.Module
	resolved.Module.Digest, resolved.Module.Size, resolved.Module.Image, resolved.Module.Signer = got.Digest, got.Size, got.Image, got.Signer
	e.Content.Filter = &resolved
	e.Version = model.Hash(e.Content)
	return m
}

// urlField is where an object has its module's URL.
func urlField(e *crds.Entry) string {
	if e.Ref.Kind == "TrafficExtension" {
		return "spec.wasm.url"
	}
	return "spec.url"
}

// there tells whether there is a module, if one is needed.
func (m *module) there() bool { return m == nil || m.answer.Module.Digest != "" }

// missing tells whether it is known that there is none.
func (m *module) missing() bool { return !m.there() && !m.answer.Pending }

// same tells whether another answer says the same.
func (m *module) same(o *module) bool {
	a, b := m.answer, o.answer
	return a.Module.Digest == b.Module.Digest && a.Module.Image == b.Module.Image && a.Module.Signer == b.Module.Signer &&
		a.Pending == b.Pending && a.Code == b.Code && a.Message == b.Message
}

// problems are what there is to tell of a module.
func (m *module) problems() model.Problems {
	if m == nil || m.answer.Code == "" {
		return nil
	}
	p := model.Problem{Code: m.answer.Code, Severity: model.Error, Object: m.asked.Ref, Field: m.field, Origin: m.asked.At(m.field),
		Message: fmt.Sprintf("the module %s: %s", m.asked.Content.Filter.Module.URL, m.answer.Message)}
	switch {
	case m.answer.Pending:
		p.Severity = model.Info
	case m.there():
		p.Severity = model.Warning
		p.Message += "; the one that was there before stays: " + m.answer.Module.Digest
	}
	return model.Problems{p}
}

// standIn is a filter whose module cannot be had, where its failure policy
// says that requests are not to pass without it.
func (m *module) standIn(e *crds.Entry) *crds.Entry {
	if !m.missing() || e.Content.Filter.Failure == model.FilterFailOpen {
		return nil
	}
	return e
}

// surroundings are what other objects say of how modules are had.
type surroundings struct {
	policy     *model.ModulePolicy
	fetch      *model.FetchPolicy
	lost       bool              // there is a Mesh, and none of its versions can be read
	registries map[string][]byte // of Secrets, by "namespace/name"
	values     map[string]map[string][]byte
}

// look reads the Mesh and the pull Secrets of a listing: as they are, or as
// they were when they last read well.
func (s *Store) look(l source.Listing) {
	if s.hooks.ResolveModule == nil && s.hooks.ResolveKeys == nil && s.hooks.ResolveBundle == nil {
		return
	}
	now := surroundings{registries: map[string][]byte{}, values: map[string]map[string][]byte{}}
	var mesh, known *crds.Entry
	for _, o := range l.Objects {
		if o.Ref.Kind != "Mesh" && o.Ref.Kind != "Secret" {
			continue
		}
		e, good := s.read(o).entry, s.good[o.Ref]
		if e == nil {
			e = good
		}
		if e != nil && e.Content.Secret != nil {
			now.values[e.Ref.Namespace+"/"+e.Ref.Name] = e.Content.Secret.Values
		}
		switch {
		case e == nil:
			now.lost = now.lost || o.Ref.Kind == "Mesh"
		case e.Content.Secret != nil && e.Content.Secret.Registries != nil:
			now.registries[e.Ref.Namespace+"/"+e.Ref.Name] = e.Content.Secret.Registries
		case e.Content.Mesh == nil:
		case good != nil: // it was there first: it counts
			known = e
		case mesh == nil || e.Ref.Less(mesh.Ref):
			mesh = e
		}
	}
	if known == nil && incomplete(l) { // its file cannot be read now: it stays
		for ref, e := range s.good {
			if ref.Kind == "Mesh" && l.Covers(e.Origin.File) {
				known = e
			}
		}
	}
	if known != nil {
		mesh = known
	}
	if mesh != nil {
		settings := &mesh.Content.Mesh.Settings
		now.policy, now.fetch, now.lost = settings.Modules, settings.Fetch, false
	}
	*s.hooks.around = now
}
