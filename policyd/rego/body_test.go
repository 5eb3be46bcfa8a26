package rego

import (
	"context"
	"encoding/binary"
	"net/http"
	"testing"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/krater-mesh/krater/model"
)

// descriptors are those of gRPC's health service.
func descriptors(t testing.TB) []byte {
	t.Helper()
	set := &descriptorpb.FileDescriptorSet{File: []*descriptorpb.FileDescriptorProto{protodesc.ToFileDescriptorProto(healthv1.File_grpc_health_v1_health_proto)}}
	out, err := proto.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// framed is a message as it goes over the wire.
func framed(t testing.TB, m proto.Message) []byte {
	t.Helper()
	body, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(body))), body...)
}

func packed(path string, body []byte) *authv3.CheckRequest {
	r := Request{Method: "POST", Path: path, Headers: []Header{{"content-type", "application/grpc"}}}.CheckRequest(0)
	r.GetAttributes().GetRequest().GetHttp().RawBody = body
	return r
}

func decide(t *testing.T, policy model.RegoPolicy, r *authv3.CheckRequest) Answer {
	t.Helper()
	compiled, problems := Compile(policy)
	if compiled == nil {
		t.Fatal(problems)
	}
	return compiled.Evaluate(context.Background(), NewInput(r))
}

func TestGRPCBodies(t *testing.T) {
	policy := model.RegoPolicy{Query: "data.p.allow", Failure: model.FailClosed, MaxBody: 1000, RawBody: true, ProtoDescriptor: descriptors(t),
		Modules: []model.RegoModule{{Name: "p.rego", Source: "package p\n\n" +
			"allow if { input.parsed_path == [\"grpc.health.v1.Health\", \"Check\"]; input.parsed_body.service == \"reviews\"; not input.truncated_body; input.attributes.request.http.rawBody }"}}}
	const method = "/grpc.health.v1.Health/Check"
	good := framed(t, &healthv1.HealthCheckRequest{Service: "reviews"})
	compressed := append([]byte{1}, good[1:]...)
	for _, c := range []struct {
		name, path string
		body       []byte
		want       bool
	}{
		{"the message", method, good, true},
		{"a further one behind it", method, append(append([]byte{}, good...), good...), true},
		{"another message", method, framed(t, &healthv1.HealthCheckRequest{Service: "ratings"}), false},
		{"cut off", method, good[:len(good)-1], false},
		{"without a frame", method, good[:3], false},
		{"compressed", method, compressed, false},
		{"an unknown method", "/grpc.health.v1.Health/Chuck", good, false},
		{"no message", method, append([]byte{0, 0, 0, 0, 2}, 0xff, 0xff), false},
	} {
		if a := decide(t, policy, packed(c.path, c.body)); a.Allowed != c.want {
			t.Errorf("%s: %+v", c.name, a)
		}
	}
	policy.ProtoDescriptor = []byte("no descriptors")
	if _, problems := Compile(policy); len(problems) != 1 || problems[0].Field != "spec.protoDescriptor" {
		t.Error(problems)
	}
}

// TestBytesAreTextForOthers: what came as bytes for one policy's sake is what
// Envoy would have sent the others.
func TestBytesAreTextForOthers(t *testing.T) {
	policy := model.RegoPolicy{Query: "data.p.allow", Failure: model.FailClosed, MaxBody: 100,
		Modules: []model.RegoModule{{Name: "p.rego", Source: "package p\n\nallow if { input.attributes.request.http.body == \"a!b\"; not input.attributes.request.http.rawBody }"}}}
	if a := decide(t, policy, packed("/", []byte("a\xffb"))); !a.Allowed {
		t.Errorf("%+v", a)
	}
}

func TestWholeBody(t *testing.T) {
	policy := model.RegoPolicy{Query: "data.p.allow", Failure: model.FailOpen, MaxBody: 10, WholeBody: true,
		Modules: []model.RegoModule{{Name: "p.rego", Source: "package p\n\nallow if not input.truncated_body"}}}
	if a := decide(t, policy, Request{Method: "POST", Body: []byte("0123456789")}.CheckRequest(10)); !a.Allowed || a.Failure != nil {
		t.Errorf("a body that fits: %+v", a)
	}
	if a := decide(t, policy, Request{Method: "POST", Body: []byte("0123456789x")}.CheckRequest(10)); a.Allowed || a.Status != http.StatusRequestEntityTooLarge || a.Failure.Kind != FailBody {
		t.Errorf("a longer one: %+v", a)
	}
	policy.WholeBody = false
	if a := decide(t, policy, Request{Method: "POST", Body: []byte("0123456789x")}.CheckRequest(10)); a.Allowed != true || a.Failure == nil {
		t.Errorf("a part of it: %+v", a)
	}
}

// FuzzGRPCBody: whatever comes, it is read or refused.
func FuzzGRPCBody(f *testing.F) {
	f.Add("/grpc.health.v1.Health/Check", framed(f, &healthv1.HealthCheckRequest{Service: "reviews"}))
	f.Add("/grpc.health.v1.Health/Check", []byte{0, 0xff, 0xff, 0xff, 0xff, 1})
	files, err := readDescriptors(descriptors(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, path string, body []byte) {
		if parsed, _, err := readMessage(body, path, files); err == nil && parsed == nil {
			t.Error("neither a value nor an error")
		}
	})
}

// FuzzDescriptors: a FileDescriptorSet comes from a file of a user's.
func FuzzDescriptors(f *testing.F) {
	f.Add(descriptors(f))
	f.Fuzz(func(t *testing.T, set []byte) {
		if files, err := readDescriptors(set); err == nil && files == nil {
			t.Error("neither files nor an error")
		}
	})
}
