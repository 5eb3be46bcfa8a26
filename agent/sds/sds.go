// Package sds serves one workload's identity to its Envoy: certificate and key
// as the secret "default", the roots of each trust domain as "ROOTCA". A new
// certificate is sent at once. It never writes a key down.
package sds

import (
	"log/slog"

	secretv3 "github.com/envoyproxy/go-control-plane/envoy/service/secret/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// The names of the secrets, which are Istio's.
const (
	Certificate = "default"
	Roots       = "ROOTCA"
)

// typeURL is that of a secret.
const typeURL = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"

// Material is what an identity is made of, in PEM.
type Material struct {
	Chain []byte // leaf first
	Key   []byte
	// Bundles are the roots of each trust domain whose workloads are accepted,
	// aliases of one's own among them.
	Bundles map[string][]byte
}

// Source has the material in force.
type Source interface {
	// Current is nil before there is any. It must not be changed.
	Current() *Material
	// Changed is closed when what Current gives after this call is no longer
	// current.
	Changed() <-chan struct{}
}

// Server serves the secrets of one source, to Envoys that ask by delta.
type Server struct {
	secretv3.UnimplementedSecretDiscoveryServiceServer
	source Source
	log    *slog.Logger
}

var _ secretv3.SecretDiscoveryServiceServer = (*Server)(nil)

// New makes a server. It starts nothing.
func New(source Source, log *slog.Logger) *Server {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Server{source: source, log: log}
}

// Register adds the server to a gRPC server.
func (s *Server) Register(g *grpc.Server) { secretv3.RegisterSecretDiscoveryServiceServer(g, s) }

// StreamSecrets refuses: only the delta protocol is spoken.
func (s *Server) StreamSecrets(secretv3.SecretDiscoveryService_StreamSecretsServer) error {
	return status.Error(codes.Unimplemented, "krater serves delta SDS only: set api_type to DELTA_GRPC in sds_config")
}
