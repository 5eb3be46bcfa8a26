// Package compatibility_test holds docs/compatibility.md to the truth: each
// field that Istio's types have is in it, and each row says what is so.
package compatibility_test

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	extensions "istio.io/api/extensions/v1alpha1"
	mesh "istio.io/api/mesh/v1alpha1"
	networking "istio.io/api/networking/v1alpha3"
	security "istio.io/api/security/v1beta1"
)

// section is one table of the page.
type section struct {
	kind    string
	message protoreflect.MessageDescriptor
	flat    bool // the message's own fields only
}

func sections() []section {
	of := func(kind string, m proto.Message, flat bool) section {
		return section{kind, m.ProtoReflect().Descriptor(), flat}
	}
	return []section{
		of("VirtualService", &networking.VirtualService{}, false),
		of("DestinationRule", &networking.DestinationRule{}, false),
		of("Gateway", &networking.Gateway{}, false),
		of("ServiceEntry", &networking.ServiceEntry{}, false),
		of("WorkloadEntry", &networking.WorkloadEntry{}, false),
		of("WorkloadGroup", &networking.WorkloadGroup{}, false),
		of("Sidecar", &networking.Sidecar{}, false),
		of("EnvoyFilter", &networking.EnvoyFilter{}, false),
		of("PeerAuthentication", &security.PeerAuthentication{}, false),
		of("WasmPlugin", &extensions.WasmPlugin{}, false),
		of("TrafficExtension", &extensions.TrafficExtension{}, false),
		of("MeshConfig", &mesh.MeshConfig{}, true),
	}
}

// field is one row: a path like "http[].match[].uri".
type field struct {
	path string
	desc protoreflect.FieldDescriptor
	as   string // the path where its message's fields are
}

// fields walks a section's types in their order. A message that was walked
// already is not walked again.
func (s section) fields() []field {
	w := &walk{flat: s.flat, seen: map[protoreflect.FullName]string{}}
	w.message(s.message, "")
	return w.out
}

type walk struct {
	flat bool
	seen map[protoreflect.FullName]string
	out  []field
}

func (w *walk) message(m protoreflect.MessageDescriptor, at string) {
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		row := field{path: join(at, f), desc: f}
		inner := messageOf(f)
		if inner != nil && !w.flat {
			row.as = w.seen[inner.FullName()]
		}
		w.out = append(w.out, row)
		if inner != nil && !w.flat && row.as == "" {
			w.seen[inner.FullName()] = row.path
			w.message(inner, row.path)
		}
	}
}

// join is a path as the checks of crds have it: "[]" for a list, "{}" for a map.
func join(at string, f protoreflect.FieldDescriptor) string {
	if at != "" {
		at += "."
	}
	at += f.JSONName()
	switch {
	case f.IsMap() && f.MapValue().Message() != nil:
		return at + "{}"
	case f.IsList() && f.Message() != nil && !leaf(f.Message()):
		return at + "[]"
	}
	return at
}

// messageOf is the message that a field, a list or a map holds; nil where its
// JSON is one value.
func messageOf(f protoreflect.FieldDescriptor) protoreflect.MessageDescriptor {
	m := f.Message()
	if f.IsMap() {
		m = f.MapValue().Message()
	}
	if m == nil || leaf(m) {
		return nil
	}
	return m
}

func leaf(m protoreflect.MessageDescriptor) bool { return m.FullName().Parent() == "google.protobuf" }
