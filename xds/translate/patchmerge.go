package translate

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// merge puts what a message has into another: lists grow, maps get keys, a
// message is merged into the one that is there, a packed one into one of the
// same type. Durations and boxed values are replaced as a whole: half of one
// duration with half of another is nobody's.
func merge(into, from protoreflect.Message) {
	if box, ok := into.Interface().(*anypb.Any); ok {
		mergePacked(box, from.Interface().(*anypb.Any))
		return
	}
	from.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsList():
			list := into.Mutable(f).List()
			for i := range v.List().Len() {
				list.Append(v.List().Get(i))
			}
		case f.IsMap():
			mergeMap(into.Mutable(f).Map(), v.Map(), f.MapValue().Message() != nil)
		case f.Message() == nil, isValue(v.Message()), !into.Has(f):
			into.Set(f, v)
		default:
			merge(into.Mutable(f).Message(), v.Message())
		}
		return true
	})
}

func mergeMap(into, from protoreflect.Map, messages bool) {
	from.Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
		if messages && into.Has(k) && !isValue(v.Message()) {
			merge(into.Mutable(k).Message(), v.Message())
		} else {
			into.Set(k, v)
		}
		return true
	})
}

func mergePacked(into, from *anypb.Any) {
	inner, err := into.UnmarshalNew()
	value, errFrom := from.UnmarshalNew()
	if err != nil || errFrom != nil || into.TypeUrl != from.TypeUrl {
		proto.Reset(into)
		into.TypeUrl, into.Value = from.TypeUrl, from.Value
		return
	}
	merge(inner.ProtoReflect(), value.ProtoReflect())
	into.Value = pack(inner).Value
}

// isValue tells whether a message is one value.
func isValue(m protoreflect.Message) bool {
	switch m.Interface().(type) {
	case *durationpb.Duration, *wrapperspb.BoolValue, *wrapperspb.UInt32Value, *wrapperspb.UInt64Value, *wrapperspb.Int32Value,
		*wrapperspb.Int64Value, *wrapperspb.DoubleValue, *wrapperspb.FloatValue, *wrapperspb.StringValue, *wrapperspb.BytesValue:
		return true
	}
	return false
}
