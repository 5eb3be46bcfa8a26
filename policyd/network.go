package policyd

import (
	"context"
	"crypto/tls"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/krater-mesh/krater/listen"
	"github.com/krater-mesh/krater/policyd/authz"
)

// Network is what policyd does where it is reached over a network: mutual
// TLS, by which it knows who asks.
type Network struct {
	// Server is the TLS that is served on "host:port". Nil: it is not served.
	Server *tls.Config
	// Client is the TLS by which a control plane at "host:port" is asked.
	Client *tls.Config
	// Caller is the workload at the other end of a call, by its certificate; an
	// error refuses the call.
	Caller func(context.Context) (namespace, workload string, err error)
	// Plain lets anybody who reaches "host:port" ask, in plain text.
	Plain bool
}

// permits refuses to listen where nobody would know who asks.
func (n Network) permits(target string) error {
	if listen.IsUnix(target) || n.Plain || n.Server != nil && n.Caller != nil {
		return nil
	}
	return fmt.Errorf("listening on %s: without an identity of its own policyd would answer whoever reaches it, in plain text", target)
}

func (n Network) serverOptions(target string) []grpc.ServerOption {
	if listen.IsUnix(target) || n.Server == nil {
		return nil
	}
	return []grpc.ServerOption{
		grpc.Creds(credentials.NewTLS(n.Server)), grpc.UnaryInterceptor(n.unary), grpc.StreamInterceptor(n.stream),
	}
}

// dial is how a control plane is reached.
func (n Network) dial(target string) []grpc.DialOption {
	if listen.IsUnix(target) || n.Client == nil {
		return nil
	}
	return []grpc.DialOption{grpc.WithTransportCredentials(credentials.NewTLS(n.Client))}
}

func (n Network) unary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	namespace, workload, err := n.Caller(ctx)
	if err != nil {
		return nil, status.Error(codes.Unauthenticated, err.Error())
	}
	return next(authz.WithCaller(ctx, namespace, workload), req)
}

func (n Network) stream(srv any, s grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	if _, _, err := n.Caller(s.Context()); err != nil {
		return status.Error(codes.Unauthenticated, err.Error())
	}
	return next(srv, s)
}
