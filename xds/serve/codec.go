package serve

import (
	"fmt"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// response is a DeltaDiscoveryResponse whose resources are encoded already:
// one copy of their bytes is sent to every proxy.
type response struct {
	*discovery.DeltaDiscoveryResponse // without resources
	resources                         []*resource
}

// The field of a DeltaDiscoveryResponse that holds its resources.
const resourcesField = 2

// frame encodes a resource as a field of a response.
func frame(r *discovery.Resource) ([]byte, error) {
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(r)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(body)+8)
	return protowire.AppendBytes(protowire.AppendTag(out, resourcesField, protowire.BytesType), body), nil
}

// codec sends responses as they are, and everything else as protobuf.
type codec struct{}

var _ encoding.CodecV2 = codec{}

// Name implements encoding.CodecV2.
func (codec) Name() string { return "proto" }

// Marshal implements encoding.CodecV2.
func (codec) Marshal(v any) (mem.BufferSlice, error) {
	r, ok := v.(*response)
	if !ok {
		return encoding.GetCodecV2("proto").Marshal(v)
	}
	head, err := proto.Marshal(r.DeltaDiscoveryResponse)
	if err != nil {
		return nil, fmt.Errorf("encoding a response: %w", err)
	}
	out := make(mem.BufferSlice, 0, len(r.resources)+1)
	out = append(out, mem.SliceBuffer(head))
	for _, resource := range r.resources {
		out = append(out, mem.SliceBuffer(resource.frame))
	}
	return out, nil
}

// Unmarshal implements encoding.CodecV2.
func (codec) Unmarshal(data mem.BufferSlice, v any) error {
	return encoding.GetCodecV2("proto").Unmarshal(data, v)
}
