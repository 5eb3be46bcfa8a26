package identity

import (
	"context"
	"encoding/json"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// TrustBundlesService is the gRPC service by which a mesh's members learn of
// its roots: Watch gives the bundle of now, and then each next one.
const TrustBundlesService = "krater.identity.v1.TrustBundles"

// wireBundle is a Bundle in JSON, in a BytesValue: as all of Krater's own
// types on the wire.
type wireBundle struct {
	TrustDomain string   `json:"trustDomain"`
	Aliases     []string `json:"aliases,omitempty"`
	Roots       string   `json:"roots"` // PEM
	Issuer      string   `json:"issuer,omitempty"`
}

// MarshalJSON makes a Bundle what it is on the wire and on disk.
func (b Bundle) MarshalJSON() ([]byte, error) {
	return json.Marshal(wireBundle{b.TrustDomain, b.Aliases, string(b.PEM()), b.Issuer})
}

// UnmarshalJSON reads what MarshalJSON wrote, and refuses a bundle that trusts
// nobody.
func (b *Bundle) UnmarshalJSON(text []byte) error {
	var w wireBundle
	if err := json.Unmarshal(text, &w); err != nil {
		return err
	}
	out, err := ParseBundle(w.TrustDomain, []byte(w.Roots))
	if err != nil {
		return err
	}
	if err := CheckTrustDomains(w.TrustDomain, w.Aliases); err != nil {
		return err
	}
	out.Aliases, out.Issuer = w.Aliases, w.Issuer
	*b = out
	return nil
}

// RegisterTrustBundles serves Watch by a function that returns when the
// stream's context ends.
func RegisterTrustBundles(s grpc.ServiceRegistrar, watch func(*BundleSender) error) {
	s.RegisterService(&grpc.ServiceDesc{
		ServiceName: TrustBundlesService,
		HandlerType: (*any)(nil),
		Streams: []grpc.StreamDesc{{StreamName: "Watch", ServerStreams: true, Handler: func(_ any, s grpc.ServerStream) error {
			if err := s.RecvMsg(&emptypb.Empty{}); err != nil {
				return err
			}
			return watch(&BundleSender{s})
		}}},
	}, nil)
}

// BundleSender is the server's end of one Watch.
type BundleSender struct{ stream grpc.ServerStream }

// Context is that of the call.
func (s *BundleSender) Context() context.Context { return s.stream.Context() }

// Send sends a bundle.
func (s *BundleSender) Send(b Bundle) error {
	text, err := json.Marshal(b)
	if err != nil {
		return fmt.Errorf("encoding the bundle: %w", err)
	}
	return s.stream.SendMsg(wrapperspb.Bytes(text))
}

// WatchBundles calls take with each bundle that the server sends, until ctx
// or the stream ends.
func WatchBundles(ctx context.Context, c grpc.ClientConnInterface, take func(Bundle) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.NewStream(ctx, &grpc.StreamDesc{StreamName: "Watch", ServerStreams: true}, "/"+TrustBundlesService+"/Watch")
	if err != nil {
		return fmt.Errorf("watching the mesh's roots: %w", err)
	}
	if err := stream.SendMsg(&emptypb.Empty{}); err != nil {
		return fmt.Errorf("watching the mesh's roots: %w", err)
	}
	if err := stream.CloseSend(); err != nil {
		return fmt.Errorf("watching the mesh's roots: %w", err)
	}
	for {
		var m wrapperspb.BytesValue
		if err := stream.RecvMsg(&m); err != nil {
			return fmt.Errorf("watching the mesh's roots: %w", err)
		}
		var b Bundle
		if err := json.Unmarshal(m.Value, &b); err != nil {
			return fmt.Errorf("reading the mesh's roots: %w", err)
		}
		if err := take(b); err != nil {
			return err
		}
	}
}
