// Package wasm finds Wasm filters in resources, at whatever depth they stand:
// behind matches, in chains, in listeners. It knows nothing of what is done
// with them.
package wasm

import (
	// Whatever holds a filter in a resource is to be known here.
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/common/matching/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/composite/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/filter_chain/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/wasm/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/wasm/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protopath"
	"google.golang.org/protobuf/reflect/protorange"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Each calls a function for all that is of a type in a resource. What it
// changes there is changed in the resource; its error ends the search.
func Each[M proto.Message](resource proto.Message, see func(M) error) error {
	return protorange.Range(resource.ProtoReflect(), func(p protopath.Values) error {
		m, ok := p.Index(-1).Value.Interface().(protoreflect.Message)
		if !ok {
			return nil
		}
		if found, ok := m.Interface().(M); ok {
			return see(found)
		}
		return nil
	})
}
