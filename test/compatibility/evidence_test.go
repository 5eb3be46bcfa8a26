package compatibility_test

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	goyaml "go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/trafficcases"
)

// evidence is a traffic case, and the fields that its configuration sets.
type evidence struct {
	name  string
	paths map[string]bool // "KIND PATH"
	types map[string]bool // "KIND MESSAGE.FIELD", wherever the kind uses the message
	wrong bool            // it is about what is wrong with the configuration
}

// cases reads all traffic cases that are not pending, those that set least
// first: they say most about what they set.
func cases(t *testing.T) []evidence {
	t.Helper()
	suites, err := trafficcases.Load("../trafficcases")
	if err != nil {
		t.Fatal(err)
	}
	var out []evidence
	for _, s := range suites {
		for _, c := range s.Cases {
			if c.Pending != "" {
				continue
			}
			e := evidence{name: strings.TrimSuffix(filepath.ToSlash(s.File), ".yaml") + ": " + c.Name, paths: map[string]bool{}, types: map[string]bool{}, wrong: wrong(c)}
			e.documents(t, s.Config)
			e.documents(t, c.Config)
			e.object("MeshConfig", sectionOf("MeshConfig").message, c.MeshConfig, "")
			out = append(out, e)
		}
	}
	sort.SliceStable(out, func(i, j int) bool {
		if out[i].wrong != out[j].wrong {
			return out[j].wrong
		}
		return len(out[i].paths) < len(out[j].paths)
	})
	return out
}

func wrong(c trafficcases.Case) bool {
	return slices.ContainsFunc(c.Problems, func(p string) bool { return !strings.HasPrefix(p, model.CodeDeprecated+" ") })
}

func (e *evidence) documents(t *testing.T, text string) {
	t.Helper()
	dec := goyaml.NewDecoder(bytes.NewReader([]byte(text)))
	for {
		var doc struct {
			Kind string         `yaml:"kind"`
			Spec map[string]any `yaml:"spec"`
		}
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			return // a case about what cannot be read
		}
		if doc.Kind == "Mesh" {
			doc.Kind = "MeshConfig"
			doc.Spec, _ = doc.Spec["meshConfig"].(map[string]any)
		}
		if s := sectionOf(doc.Kind); s != nil {
			e.object(doc.Kind, s.message, doc.Spec, "")
		}
	}
}

func sectionOf(kind string) *section {
	for _, s := range sections() {
		if s.kind == kind {
			return &s
		}
	}
	return nil
}

// object notes the fields of a value and of what is in it.
func (e *evidence) object(kind string, m protoreflect.MessageDescriptor, value map[string]any, at string) {
	for name, v := range value {
		f := m.Fields().ByJSONName(name)
		if f == nil {
			f = m.Fields().ByTextName(name)
		}
		if f == nil {
			continue
		}
		path := join(at, f)
		e.paths[kind+" "+path] = true
		e.types[kind+" "+string(f.FullName())] = true
		inner := messageOf(f)
		if inner == nil {
			continue
		}
		switch v := v.(type) {
		case map[string]any:
			if f.IsMap() {
				for _, item := range v {
					item, _ := item.(map[string]any)
					e.object(kind, inner, item, path)
				}
				continue
			}
			e.object(kind, inner, v, path)
		case []any:
			for _, item := range v {
				item, _ := item.(map[string]any)
				e.object(kind, inner, item, path)
			}
		}
	}
}

// shows tells whether the case sets a field of a kind, there or wherever its
// message is used.
func (e *evidence) shows(kind string, f field) bool {
	return e.paths[kind+" "+f.path] || e.types[kind+" "+string(f.desc.FullName())] ||
		kind == "WorkloadEntry" && e.types["ServiceEntry "+string(f.desc.FullName())] // an endpoint is one
}

// best is the case that says most about a field, or nil.
func best(all []evidence, kind string, f field) *evidence {
	for i := range all {
		if all[i].paths[kind+" "+f.path] {
			return &all[i]
		}
	}
	for i := range all {
		if all[i].shows(kind, f) {
			return &all[i]
		}
	}
	return nil
}
