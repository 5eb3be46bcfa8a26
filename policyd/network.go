package policyd

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/krater-mesh/krater/listen"
	"github.com/krater-mesh/krater/policyd/authz"
)

// members lets members of the mesh ask, and tells the policies who they are.
type members listen.Network

// permits refuses to listen where nobody would know who asks.
func (o Options) permits() error {
	if !listen.IsUnix(o.Listen) && !o.Network.Plain {
		return fmt.Errorf("listening on %s: policyd would answer whoever reaches it, in plain text", o.Listen)
	}
	if len(o.Doors) > 0 && (o.Network.Server == nil || o.Network.Caller == nil) {
		return errors.New("answering proxies of other machines needs an identity")
	}
	return nil
}

func (n members) serverOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.Creds(credentials.NewTLS(n.Server)), grpc.UnaryInterceptor(n.unary), grpc.StreamInterceptor(n.stream),
	}
}

func (n members) unary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	namespace, workload, err := n.Caller(ctx)
	if err != nil {
		return nil, status.Error(codes.Unauthenticated, err.Error())
	}
	return next(authz.WithCaller(ctx, namespace, workload), req)
}

func (n members) stream(srv any, s grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	if _, _, err := n.Caller(s.Context()); err != nil {
		return status.Error(codes.Unauthenticated, err.Error())
	}
	return next(srv, s)
}
