package main

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
)

// references are names that resources lead to, by type.
type references map[string]map[string]bool

func (r references) add(typeURL, name string) {
	if r[typeURL] == nil {
		r[typeURL] = map[string]bool{}
	}
	r[typeURL][name] = true
}

// in finds the extensions and route configurations that a packed message
// names. What is of an unknown type names none.
func (r references) in(boxed *anypb.Any) error {
	m, err := boxed.UnmarshalNew()
	if err != nil {
		return nil
	}
	return r.walk(m)
}

func (r references) walk(m proto.Message) (err error) {
	switch m := m.(type) {
	case *anypb.Any:
		return r.in(m)
	case *hcmv3.Rds:
		r.add(typeRoutes, m.GetRouteConfigName())
		return nil
	case *corev3.ExtensionConfigSource, *corev3.Metadata:
		return nil
	}
	if named, ok := m.(interface {
		GetName() string
		GetConfigDiscovery() *corev3.ExtensionConfigSource
	}); ok && named.GetConfigDiscovery() != nil {
		r.add(typeExtension, named.GetName())
	}
	each := func(v protoreflect.Value) {
		if err == nil {
			err = r.walk(v.Message().Interface())
		}
	}
	m.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Kind() != protoreflect.MessageKind:
		case f.IsMap():
			if f.MapValue().Kind() == protoreflect.MessageKind {
				v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool { each(v); return true })
			}
		case f.IsList():
			for i := range v.List().Len() {
				each(v.List().Get(i))
			}
		default:
			each(v)
		}
		return err == nil
	})
	return err
}

// isEDS reads the type of an encoded cluster: its second field, 3 for EDS.
func isEDS(b []byte) bool {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return false
		}
		b = b[n:]
		if number == 2 && kind == protowire.VarintType {
			v, n := protowire.ConsumeVarint(b)
			return n > 0 && v == 3
		}
		if n = protowire.ConsumeFieldValue(number, kind, b); n < 0 {
			return false
		}
		b = b[n:]
	}
	return false
}
