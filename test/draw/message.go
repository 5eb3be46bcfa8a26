package draw

import (
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// drawing is one object on its way.
type drawing struct {
	Drawer
	world World
	// gateway: the routes are a gateway's too, and may look at claims.
	gateway bool
	hosts   []string
}

// message draws a message's fields, and mends what does not go together. A
// field is drawn by its entry in values, by its type else.
func (d *drawing) message(m protoreflect.MessageDescriptor) map[string]any {
	out := map[string]any{}
	chosen := map[protoreflect.Name]protoreflect.Name{}
	for i := range m.Oneofs().Len() {
		o := m.Oneofs().Get(i)
		chosen[o.Name()] = o.Fields().Get(d.IntN(o.Fields().Len())).Name()
	}
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		name := string(m.Name()) + "." + f.JSONName()
		v, special := values[name]
		if o := f.ContainingOneof(); o != nil && chosen[o.Name()] != f.Name() || !d.chance(percentOf(f, v)) {
			continue
		}
		if special && v.draw != nil {
			out[f.JSONName()] = v.draw(d)
		} else {
			out[f.JSONName()] = d.field(f)
		}
		if out[f.JSONName()] == nil {
			delete(out, f.JSONName())
		}
	}
	d.mend(string(m.Name()), out)
	return out
}

// percentOf is how often a field is there: old ones seldom.
func percentOf(f protoreflect.FieldDescriptor, v value) int {
	old, _ := f.Options().(*descriptorpb.FieldOptions)
	switch {
	case v.percent != 0:
		return v.percent - 1
	case old.GetDeprecated():
		return 5
	}
	return 30
}

func (d *drawing) field(f protoreflect.FieldDescriptor) any {
	switch {
	case f.IsMap():
		return map[string]any{"version": d.one(f.MapValue())}
	case f.IsList():
		var out []any
		for range 1 + d.IntN(3) {
			out = append(out, d.one(f))
		}
		return out
	}
	return d.one(f)
}

func (d *drawing) one(f protoreflect.FieldDescriptor) any {
	switch f.Kind() {
	case protoreflect.BoolKind:
		return d.chance(50)
	case protoreflect.StringKind:
		return d.of("a", "b", "c-d")
	case protoreflect.EnumKind:
		return string(f.Enum().Values().Get(d.IntN(f.Enum().Values().Len())).Name())
	case protoreflect.DoubleKind, protoreflect.FloatKind:
		return []any{0, 0.5, 10, 33.3, 100}[d.IntN(5)]
	case protoreflect.MessageKind:
		switch m := f.Message(); {
		case m.FullName() == "google.protobuf.Duration":
			return d.of("1ms", "25ms", "1s", "1.5s", "1m", "24h")
		case m.FullName().Parent() == "google.protobuf":
			return d.one(m.Fields().ByName("value"))
		default:
			return d.message(m)
		}
	}
	return []any{1, 2, 7, 1024}[d.IntN(4)]
}
