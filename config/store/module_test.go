package store_test

import (
	"strings"
	"testing"

	"github.com/krater-mesh/krater/config/source"
	"github.com/krater-mesh/krater/config/store"
	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

const aFilter = "---\napiVersion: krater.dev/v1alpha1\nkind: Filter\nmetadata: {name: f}\nspec: {url: \"oci://r.example.com/f:v1\"}\n"

// modules is a store whose modules a test decides on.
type modules struct {
	*store.Store
	answer store.ModuleAnswer
	asked  store.ModuleRequest
}

func openModules(t *testing.T) *modules {
	m := &modules{}
	m.Store = open(t, "", store.Hooks{ResolveModule: func(r store.ModuleRequest) store.ModuleAnswer { m.asked = r; return m.answer }})
	return m
}

func candidate(t *testing.T, r store.Result) store.Candidate {
	t.Helper()
	for _, c := range r.Candidates {
		if c.Ref.Kind == "Filter" {
			return c
		}
	}
	t.Fatal("the filter is no candidate")
	return store.Candidate{}
}

func codesOf(r store.Result) string {
	var out []string
	for _, p := range r.Problems {
		out = append(out, string(p.Severity)+" "+p.Code)
	}
	return strings.Join(out, ", ")
}

var (
	there   = store.ModuleAnswer{Module: model.Module{Digest: "sha256:1"}}
	pending = store.ModuleAnswer{Pending: true, Code: model.CodeModulePending, Message: "it comes"}
	failed  = store.ModuleAnswer{Code: model.CodeBadSignature, Message: "nobody signed it"}
)

func TestAModulesFateIsItsObjects(t *testing.T) {
	for name, c := range map[string]struct {
		failure       string
		answer        store.ModuleAnswer
		problems      string
		entry, denial bool
	}{
		"there":             {"FAIL_CLOSE", there, "", true, false},
		"pending":           {"FAIL_CLOSE", pending, "info KR0028", false, false},
		"failed":            {"FAIL_CLOSE", failed, "error KR0027", false, true},
		"failed, reloading": {"FAIL_RELOAD", failed, "error KR0027", false, true},
		"failed, open":      {"FAIL_OPEN", failed, "error KR0027", false, false},
		"a newer one is bad": {"FAIL_CLOSE", store.ModuleAnswer{Module: there.Module, Code: model.CodeBadModule, Message: "it is damaged"},
			"warning KR0010", true, false},
		"a newer one comes": {"FAIL_CLOSE", store.ModuleAnswer{Module: there.Module, Pending: true, Code: model.CodeModulePending, Message: "it comes"},
			"info KR0028", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			m := openModules(t)
			m.answer = c.answer
			r := m.Apply(listing("a.yaml", strings.Replace(aFilter, "spec: {", "spec: {failurePolicy: "+c.failure+", ", 1)))
			got := candidate(t, r)
			if codesOf(r) != c.problems || (got.Entry != nil) != c.entry || (got.Denial != nil) != c.denial {
				t.Errorf("%+v, %v", got, r.Problems)
			}
			if got.Denial != nil && (got.Denial.Content.Filter.Module.Digest != "" || !got.Denial.Content.Substitutes()) {
				t.Errorf("what stands in has a module: %+v", got.Denial.Content.Filter.Module)
			}
		})
	}
}

// The object itself does not change; what comes of its module does.
func TestAModuleThatComesLater(t *testing.T) {
	m := openModules(t)
	l := listing("a.yaml", aFilter)
	step := func(a store.ModuleAnswer, entry, lastGood, denial bool) {
		t.Helper()
		m.answer = a
		r := m.Apply(l)
		c := candidate(t, r)
		if (c.Entry != nil) != entry || (c.LastGood != nil) != lastGood || (c.Denial != nil) != denial {
			t.Errorf("%+v: entry %v, last good %v, denial %v: %v", a, c.Entry != nil, c.LastGood != nil, c.Denial != nil, r.Problems)
		}
		for _, e := range []*crds.Entry{c.Entry, c.LastGood, c.Denial} {
			if e != nil {
				m.Commit([]*crds.Entry{e})
				return
			}
		}
		m.Commit(nil)
	}
	step(pending, false, false, false)
	step(failed, false, false, true)
	step(failed, false, false, true) // what stands in is no last good
	step(there, true, false, false)
	step(failed, false, true, true)
	step(store.ModuleAnswer{Module: model.Module{Digest: "sha256:2"}}, true, true, false)
	step(pending, false, true, false)
}

const aMesh = "---\napiVersion: krater.dev/v1alpha1\nkind: Mesh\nmetadata: {name: m}\nspec: {filters: {maxSize: 1Mi}}\n"

func TestTheMeshAndPullSecretsAreRead(t *testing.T) {
	secret := "---\napiVersion: v1\nkind: Secret\nmetadata: {name: %}\ntype: kubernetes.io/dockerconfigjson\nstringData: {.dockerconfigjson: '{\"auths\":{\"%\":{}}}'}\n"
	pulls := strings.Replace(aFilter, "spec: {", "spec: {pullSecret: mine, ", 1)
	m := openModules(t)
	m.answer = there
	apply := func(text string) store.Candidate {
		t.Helper()
		m.asked = store.ModuleRequest{}
		r := m.Apply(listing("a.yaml", text))
		var good []*crds.Entry
		for _, c := range r.Candidates {
			if c.Entry != nil {
				good = append(good, c.Entry)
			} else if c.LastGood != nil {
				good = append(good, c.LastGood)
			}
		}
		m.Commit(good)
		return candidate(t, r)
	}
	of := func(name string) string { return strings.ReplaceAll(secret, "%", name) }

	broken := strings.Replace(aMesh, "1Mi", "large", 1)
	if c := apply(aFilter + broken); c.Entry != nil || m.asked.Filter != nil {
		t.Error("a mesh whose policy nobody could ever read asks for nothing")
	}
	if apply(aFilter + aMesh); m.asked.Policy == nil || m.asked.Policy.MaxBytes != 1<<20 || m.asked.Registries != nil {
		t.Errorf("asked %+v", m.asked)
	}
	if apply(aFilter + broken); m.asked.Policy == nil || m.asked.Policy.MaxBytes != 1<<20 {
		t.Errorf("with a bad Mesh, asked %+v", m.asked.Policy)
	}
	if apply(aFilter); m.asked.Policy != nil {
		t.Errorf("without a Mesh, asked %+v", m.asked.Policy)
	}
	if c := apply(pulls); c.Entry != nil || m.asked.Filter != nil {
		t.Error("without its pull Secret it is asked for")
	}
	if c := apply(pulls + of("mine") + of("other")); c.Entry == nil || !strings.Contains(string(m.asked.Registries), "mine") {
		t.Errorf("asked with %s", m.asked.Registries)
	}
	if c := apply(pulls + strings.Replace(of("mine"), "{name: mine}", "{name: mine, namespace: else}", 1)); c.Entry != nil {
		t.Error("another namespace's pull Secret is used")
	}
	l := source.Listing{Objects: listing("b.yaml", aFilter).Objects, Incomplete: map[string]bool{"a.yaml": true}}
	apply(aFilter + aMesh)
	if m.Apply(l); m.asked.Policy == nil {
		t.Error("the mesh's file cannot be read now, and its policy is forgotten")
	}
}
