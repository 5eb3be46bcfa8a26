package crds

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"

	udpa "github.com/cncf/xds/go/udpa/type/v1"
	xds "github.com/cncf/xds/go/xds/type/v3"
	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/krater-mesh/krater/model"
)

// patchMessage is what a value is of.
func patchMessage(applyTo string) proto.Message {
	switch applyTo {
	case "CLUSTER":
		return &cluster.Cluster{}
	case "LISTENER":
		return &listener.Listener{}
	case "NETWORK_FILTER":
		return &listener.Filter{}
	case "HTTP_FILTER":
		return &hcm.HttpFilter{}
	case "ROUTE_CONFIGURATION":
		return &route.RouteConfiguration{}
	case "VIRTUAL_HOST":
		return &route.VirtualHost{}
	}
	return &route.Route{}
}

var (
	protoError   = regexp.MustCompile(`^proto:[\s\x{a0}]*(?:syntax error )?(?:\(line \d+:\d+\): )?`)
	unknownField = regexp.MustCompile(`^unknown field "([^"]+)"`)
	unknownType  = regexp.MustCompile(`unable to resolve "([^"]+)"`)
)

// envoyMessage reads the value strictly into Envoy's message: what Envoy
// would refuse while it runs is refused here.
func (c *conversion) envoyMessage(m *model.EnvoyPatch, at string) {
	message := patchMessage(m.ApplyTo)
	if err := protojson.Unmarshal(m.Value, message); err != nil {
		text := protoError.ReplaceAllString(err.Error(), "")
		if u := unknownField.FindStringSubmatch(text); u != nil {
			c.add(model.Error, model.CodeUnknownField, c.pathOf(u[1], at), "", "unknown field %q of Envoy's %s, or of what is in it", u[1], message.ProtoReflect().Descriptor().Name())
			return
		}
		if u := unknownType.FindStringSubmatch(text); u != nil {
			c.bad(c.pathOf("@type", at), "the proxy does not know the type %s", u[1])
			return
		}
		c.bad(at, "not what Envoy reads as a %s: %s", message.ProtoReflect().Descriptor().Name(), text)
		return
	}
	if m.Operation == "MERGE" {
		return // the rest of it is there already
	}
	if err := validEnvoy(message); err != nil {
		c.bad(at, "Envoy would refuse it: %v", err)
	}
}

// pathOf finds a field by its name in a value, to show its line.
func (c *conversion) pathOf(name, at string) string {
	n := c.object.Root
	var find func(n *Node, path string) string
	find = func(n *Node, path string) string {
		if n == nil {
			return ""
		}
		for _, f := range n.Fields {
			p := join(path, f.Name)
			if f.Name == name && len(p) > len(at) && p[:len(at)] == at {
				return p
			}
			if found := find(f.Value, p); found != "" {
				return found
			}
		}
		for i, item := range n.Items {
			if found := find(item, index(path, i)); found != "" {
				return found
			}
		}
		return ""
	}
	if p := find(n, ""); p != "" {
		return p
	}
	return at
}

// validEnvoy applies the rules that Envoy's messages carry, also to what is
// packed in them.
func validEnvoy(m proto.Message) error {
	if v, ok := m.(interface{ Validate() error }); ok {
		if err := v.Validate(); err != nil {
			return err
		}
	}
	r := m.ProtoReflect()
	for i := range r.Descriptor().Fields().Len() {
		f := r.Descriptor().Fields().Get(i)
		if f.Message() == nil || !r.Has(f) {
			continue
		}
		for _, inner := range messagesOf(f, r.Get(f)) {
			if err := packed(inner); err != nil {
				return err
			}
		}
	}
	return nil
}

// messagesOf are a field's messages, a map's by their keys.
func messagesOf(f protoreflect.FieldDescriptor, v protoreflect.Value) []proto.Message {
	var out []proto.Message
	switch {
	case f.IsMap():
		if f.MapValue().Message() == nil {
			return nil
		}
		byKey := map[string]proto.Message{}
		v.Map().Range(func(k protoreflect.MapKey, e protoreflect.Value) bool {
			byKey[k.String()] = e.Message().Interface()
			return true
		})
		for _, k := range slices.Sorted(maps.Keys(byKey)) {
			out = append(out, byKey[k])
		}
	case f.IsList():
		for i := range v.List().Len() {
			out = append(out, v.List().Get(i).Message().Interface())
		}
	default:
		out = append(out, v.Message().Interface())
	}
	return out
}

// packed looks into an Any, and into the forms that Envoy turns into one.
func packed(m proto.Message) error {
	switch x := m.(type) {
	case *anypb.Any:
		inner, err := x.UnmarshalNew()
		if err != nil {
			return err
		}
		return packed(inner)
	case *udpa.TypedStruct:
		return typedStruct(x.GetTypeUrl(), x.GetValue())
	case *xds.TypedStruct:
		return typedStruct(x.GetTypeUrl(), x.GetValue())
	}
	return validEnvoy(m)
}

func typedStruct(url string, value *structpb.Struct) error {
	b, err := protojson.Marshal(value)
	if err != nil {
		return err
	}
	t, err := protoregistry.GlobalTypes.FindMessageByURL(url)
	if err != nil {
		return fmt.Errorf("the proxy does not know the type %s", url)
	}
	m := t.New().Interface()
	if err := protojson.Unmarshal(b, m); err != nil {
		return errors.New(protoError.ReplaceAllString(err.Error(), ""))
	}
	return packed(m)
}
