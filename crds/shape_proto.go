package crds

import (
	"sync"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// protoShape is the shape of a protobuf message in its JSON form. Durations
// are read as Istio's users write them ("100ms", "1m"), not only in seconds.
func protoShape(m protoreflect.MessageDescriptor) *shape {
	switch m.FullName() {
	case "google.protobuf.Duration":
		return &shape{form: formDuration}
	case "google.protobuf.Struct", "google.protobuf.Value", "google.protobuf.Any", "google.protobuf.ListValue":
		return &shape{form: formAny}
	case "google.protobuf.Timestamp":
		return &shape{form: formText}
	case "google.protobuf.BoolValue", "google.protobuf.StringValue", "google.protobuf.UInt32Value",
		"google.protobuf.Int32Value", "google.protobuf.DoubleValue", "google.protobuf.UInt64Value", "google.protobuf.Int64Value", "google.protobuf.FloatValue":
		return protoScalar(m.Fields().ByName("value"))
	}
	s := &shape{form: formObject, oneof: map[string]string{}, aliases: map[string]string{}, old: map[string]string{}}
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		s.aliases[string(f.Name())] = f.JSONName()
		if fix := oldFields[string(m.Name())+"."+f.JSONName()]; fix != "" {
			s.old[f.JSONName()] = fix
		}
		if o := f.ContainingOneof(); o != nil && !o.IsSynthetic() {
			s.oneof[f.JSONName()] = string(o.Name())
		}
	}
	s.fields = sync.OnceValue(func() map[string]*shape {
		out := map[string]*shape{}
		for i := range m.Fields().Len() {
			f := m.Fields().Get(i)
			out[f.JSONName()] = protoField(f)
		}
		return out
	})
	return s
}

func protoField(f protoreflect.FieldDescriptor) *shape {
	switch {
	case f.IsMap():
		v := protoScalar(f.MapValue())
		return &shape{form: formMap, elem: func() *shape { return v }}
	case f.IsList():
		v := protoScalar(f)
		return &shape{form: formList, elem: func() *shape { return v }}
	}
	return protoScalar(f)
}

func protoScalar(f protoreflect.FieldDescriptor) *shape {
	switch f.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return protoShape(f.Message())
	case protoreflect.StringKind:
		return &shape{form: formText}
	case protoreflect.BytesKind:
		return &shape{form: formBytes}
	case protoreflect.BoolKind:
		return &shape{form: formBool}
	case protoreflect.EnumKind:
		s := &shape{form: formEnum, old: oldValues[string(f.Enum().Name())]}
		for i := range f.Enum().Values().Len() {
			s.values = append(s.values, string(f.Enum().Values().Get(i).Name()))
		}
		return s
	case protoreflect.DoubleKind, protoreflect.FloatKind:
		return &shape{form: formNumber, signed: true}
	case protoreflect.Int32Kind, protoreflect.Int64Kind, protoreflect.Sint32Kind, protoreflect.Sint64Kind:
		return &shape{form: formNumber, whole: true, signed: true}
	}
	return &shape{form: formNumber, whole: true}
}
