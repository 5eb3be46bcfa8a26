package rego

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

var errMessage = errors.New("the body is no message of its method")

// readDescriptors reads a FileDescriptorSet.
func readDescriptors(set []byte) (*protoregistry.Files, error) {
	var files descriptorpb.FileDescriptorSet
	if err := proto.Unmarshal(set, &files); err != nil {
		return nil, errors.New("it is no FileDescriptorSet")
	}
	if len(files.GetFile()) == 0 {
		return nil, errors.New("it describes no file")
	}
	out, err := protodesc.NewFiles(&files)
	if err != nil {
		return nil, fmt.Errorf("linking them: %w", err)
	}
	return out, nil
}

// frameHead is what stands before each message of a gRPC body: whether it is
// compressed, and its length.
const frameHead = 5

// readMessage gives the first message of a gRPC body as JSON. It is null where
// the method is not known, is one to which many messages are sent, or where
// the message is compressed.
func readMessage(body []byte, path string, files *protoregistry.Files) (parsed *ast.Term, truncated bool, err error) {
	if len(body) < frameHead {
		return ast.InternedNullTerm, true, nil
	}
	length := uint64(binary.BigEndian.Uint32(body[1:frameHead]))
	if length > uint64(len(body)-frameHead) {
		return ast.InternedNullTerm, true, nil
	}
	method := methodOf(path, files)
	if method == nil || method.IsStreamingClient() || body[0] != 0 {
		return ast.InternedNullTerm, false, nil
	}
	types := dynamicpb.NewTypes(files)
	message := dynamicpb.NewMessage(method.Input())
	if err := (proto.UnmarshalOptions{Resolver: types}).Unmarshal(body[frameHead:frameHead+length], message); err != nil {
		return nil, false, errMessage
	}
	written, err := (protojson.MarshalOptions{Resolver: types}).Marshal(message)
	if err != nil {
		return nil, false, errMessage
	}
	value, err := parseJSON(written)
	if err != nil {
		return nil, false, errMessage
	}
	return ast.NewTerm(value), false, nil
}

// methodOf finds what "/package.Service/Method" names.
func methodOf(path string, files *protoregistry.Files) protoreflect.MethodDescriptor {
	service, name, ok := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if !ok {
		return nil
	}
	found, err := files.FindDescriptorByName(protoreflect.FullName(service))
	if err != nil {
		return nil
	}
	s, ok := found.(protoreflect.ServiceDescriptor)
	if !ok {
		return nil
	}
	return s.Methods().ByName(protoreflect.Name(name))
}
