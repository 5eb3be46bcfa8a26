package compatibility_test

import (
	"regexp"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
	"sigs.k8s.io/yaml"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// TestProblemRowsAreProblems: setting a field whose row has a Problem gives
// it, and one that works gives none that says that it is not translated.
func TestProblemRowsAreProblems(t *testing.T) {
	p := readPage(t)
	for _, s := range sections() {
		fields := map[string]field{}
		for _, f := range s.fields() {
			fields[f.path] = f
		}
		for _, r := range p.rows[s.kind] {
			f, ok := fields[r.path]
			if !ok {
				continue // TestEveryFieldHasARow says so
			}
			problems := s.convert(t, r.path, sample(f.desc))
			if m := problemState.FindStringSubmatch(r.state); m != nil && !found(problems, s, r.path, m[1]) && !above(problems, s, r.path, m[1]) {
				t.Errorf("%s %s: no Problem %s: %v", s.kind, r.path, m[1], problems)
			}
			if r.state == works && found(problems, s, r.path, model.CodeNotSupported) {
				t.Errorf("%s %s does not work: %v", s.kind, r.path, problems)
			}
			s.checkValues(t, f, r)
		}
	}
}

// valueProblem is what a row says of one of an enum's values.
var valueProblem = regexp.MustCompile("`(\\w+)` is Problem ((?:KR|IST)\\d{4})")

func (s section) checkValues(t *testing.T, f field, r row) {
	t.Helper()
	for _, m := range valueProblem.FindAllStringSubmatch(r.shown, -1) {
		if problems := s.convert(t, r.path, m[1]); !found(problems, s, r.path, m[2]) {
			t.Errorf("%s %s: no Problem %s of %s: %v", s.kind, r.path, m[2], m[1], problems)
		}
	}
}

// convert reads an object with one field.
func (s section) convert(t *testing.T, path string, value any) model.Problems {
	t.Helper()
	object := map[string]any{"apiVersion": "networking.istio.io/v1", "kind": s.kind, "metadata": map[string]any{"name": "a"}, "spec": nested(path, value)}
	switch s.kind {
	case "MeshConfig":
		object["apiVersion"], object["kind"] = "krater.dev/v1alpha1", "Mesh"
		object["spec"] = map[string]any{"meshConfig": object["spec"]}
	case "EnvoyFilter":
		object["apiVersion"] = "networking.istio.io/v1alpha3"
		completePatch(object["spec"].(map[string]any), path)
	case "WasmPlugin", "TrafficExtension":
		object["apiVersion"] = "extensions.istio.io/v1alpha1"
	case "Gateway":
		completeServers(object["spec"].(map[string]any), "servers")
	case "Sidecar":
		completeServers(object["spec"].(map[string]any), "ingress")
	}
	text, err := yaml.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	objects, _, problems := crds.Parse("a.yaml", text)
	for _, o := range objects {
		_, ps := crds.Convert(o, crds.Options{})
		problems = append(problems, ps...)
	}
	return problems
}

// completePatch says what a patch does that has one field only: nothing is
// read of one that does not say it.
func completePatch(spec map[string]any, path string) {
	patches, _ := spec["configPatches"].([]any)
	applyTo := "CLUSTER"
	switch {
	case strings.Contains(path, "match.listener"):
		applyTo = "LISTENER"
	case strings.Contains(path, "match.routeConfiguration"):
		applyTo = "VIRTUAL_HOST"
	}
	for _, p := range patches {
		p := p.(map[string]any)
		if p["applyTo"] == nil {
			p["applyTo"] = applyTo
		}
		patch, _ := p["patch"].(map[string]any)
		if patch == nil {
			patch = map[string]any{}
			p["patch"] = patch
		}
		if patch["operation"] == nil {
			patch["operation"] = "REMOVE"
		}
	}
}

// completeServers gives servers and listeners a port and a TLS mode: what
// else they say is a matter of these.
func completeServers(spec map[string]any, list string) {
	servers, _ := spec[list].([]any)
	for _, s := range servers {
		s := s.(map[string]any)
		if s["port"] == nil {
			s["port"] = map[string]any{"number": 443, "name": "https", "protocol": "HTTPS"}
		}
		if tls, _ := s["tls"].(map[string]any); tls != nil && tls["mode"] == nil {
			tls["mode"] = "MUTUAL"
		}
	}
}

// nested puts a value where a path says.
func nested(path string, value any) any {
	name, rest, more := strings.Cut(path, ".")
	if more {
		value = nested(rest, value)
		switch {
		case strings.HasSuffix(name, "[]"):
			value = []any{value}
		case strings.HasSuffix(name, "{}"):
			value = map[string]any{"a": value}
		}
	}
	return map[string]any{strings.TrimRight(name, "[]{}"): value}
}

// at is the path in the object that convert reads.
func (s section) at(path string) string {
	if s.kind == "MeshConfig" {
		path = "meshConfig." + path
	}
	path = strings.NewReplacer("[]", "[0]", "{}", ".a").Replace("spec." + path)
	return strings.TrimSuffix(strings.TrimSuffix(path, "[0]"), ".a")
}

// found tells whether a field, or something in it, has a problem.
func found(problems model.Problems, s section, path, code string) bool {
	at := s.at(path)
	for _, p := range problems {
		if p.Code == code && (p.Field == at || strings.HasPrefix(p.Field, at+"[") || strings.HasPrefix(p.Field, at+".")) {
			return true
		}
	}
	return false
}

// above tells whether what a field is in has a problem.
func above(problems model.Problems, s section, path, code string) bool {
	at := s.at(path)
	for _, p := range problems {
		if p.Code == code && (strings.HasPrefix(at, p.Field+".") || strings.HasPrefix(at, p.Field+"[")) {
			return true
		}
	}
	return false
}

// sample is a value that a field can have.
func sample(f protoreflect.FieldDescriptor) any {
	switch {
	case f.IsMap() && messageOf(f) != nil:
		return map[string]any{"a": map[string]any{}}
	case f.IsMap():
		return map[string]any{"a": one(f.MapValue())}
	case f.IsList():
		return []any{one(f)}
	}
	return one(f)
}

func one(f protoreflect.FieldDescriptor) any {
	switch f.Kind() {
	case protoreflect.BoolKind:
		return true
	case protoreflect.StringKind:
		return "a"
	case protoreflect.BytesKind:
		return "YQ=="
	case protoreflect.EnumKind:
		return string(f.Enum().Values().Get(1).Name())
	case protoreflect.MessageKind:
		switch m := f.Message(); {
		case m.FullName() == "google.protobuf.Duration":
			return "1s"
		case m.FullName().Parent() == "google.protobuf" && m.Fields().ByName("value") != nil && m.Name() != "Value":
			return one(m.Fields().ByName("value"))
		}
		return map[string]any{}
	}
	return 1
}
