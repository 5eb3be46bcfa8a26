package translate

import (
	"fmt"
	"math"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

const typeURLPrefix = "type.googleapis.com/"

func typeURL(m proto.Message) string {
	return typeURLPrefix + string(m.ProtoReflect().Descriptor().FullName())
}

// pack boxes a message; equal messages give equal bytes.
func pack(m proto.Message) *anypb.Any {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil { // only invalid UTF-8: config refuses it
		panic(fmt.Sprintf("translate: packing %T: %v", m, err))
	}
	return &anypb.Any{TypeUrl: typeURL(m), Value: b}
}

// extension names a packed message.
func extension(name string, m proto.Message) *corev3.TypedExtensionConfig {
	return &corev3.TypedExtensionConfig{Name: name, TypedConfig: pack(m)}
}

func duration(d model.Duration) *durationpb.Duration { return durationpb.New(d.Std()) }

// optional is nil where d is.
func optional(d *model.Duration) *durationpb.Duration {
	if d == nil {
		return nil
	}
	return duration(*d)
}

// count is nil for 0, which stands for "not given".
func count(n uint32) *wrapperspb.UInt32Value {
	if n == 0 {
		return nil
	}
	return wrapperspb.UInt32(n)
}

// atMost is a bound that Envoy takes for none where n is 0.
func atMost(n uint32) *wrapperspb.UInt32Value {
	if n == 0 {
		n = math.MaxUint32
	}
	return wrapperspb.UInt32(n)
}

// share turns a percentage (0 to 100) into Envoy's, exact to 0.0001 percent.
func share(percent float64) *typev3.FractionalPercent {
	return &typev3.FractionalPercent{
		Numerator:   uint32(math.Round(percent * 10_000)),
		Denominator: typev3.FractionalPercent_MILLION,
	}
}

// address is a TCP address.
func address(ip string, port uint32) *corev3.Address {
	return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address: ip, PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: port},
	}}}
}

// overADS is where every resource comes from.
func overADS() *corev3.ConfigSource {
	return &corev3.ConfigSource{
		ResourceApiVersion:    corev3.ApiVersion_V3,
		ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
	}
}

// slotOverADS waits for its filters however long they take: with Envoy's
// default, a proxy that is busy for 15 s opens its ports and answers 500.
func slotOverADS() *corev3.ConfigSource {
	out := overADS()
	out.InitialFetchTimeout = &durationpb.Duration{}
	return out
}

// grpcTo is a static cluster of the bootstrap.
func grpcTo(cluster string) *corev3.GrpcService {
	return &corev3.GrpcService{TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{
		EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{ClusterName: cluster},
	}}
}

// metadata puts string fields under Krater's namespace.
func metadata(fields map[string]string) *corev3.Metadata {
	s := &structpb.Struct{Fields: map[string]*structpb.Value{}}
	for k, v := range fields {
		s.Fields[k] = structpb.NewStringValue(v)
	}
	return &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{metadataNamespace: s}}
}

// inline is a format string as Envoy wants it.
func inline(format string) *corev3.SubstitutionFormatString {
	return &corev3.SubstitutionFormatString{Format: &corev3.SubstitutionFormatString_TextFormatSource{
		TextFormatSource: &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: format}},
	}}
}
