// Command bench-empty answers every ext_authz question at once: the least that
// asking somebody can cost. It listens on unix:PATH or 127.0.0.1:PORT.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
)

type server struct {
	authv3.UnimplementedAuthorizationServer
}

// refused is the path that shows that the server is asked.
const refused = "/bench/21"

// Check implements envoy.service.auth.v3.Authorization.
func (server) Check(_ context.Context, r *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	if r.GetAttributes().GetRequest().GetHttp().GetPath() == refused {
		return &authv3.CheckResponse{Status: &rpcstatus.Status{Code: 7}}, nil
	}
	return &authv3.CheckResponse{Status: &rpcstatus.Status{}}, nil
}

func main() {
	if err := serve(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "bench-empty:", err)
		os.Exit(2)
	}
}

func serve(address string) error {
	network := "tcp"
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, address = "unix", path
	}
	l, err := net.Listen(network, address)
	if err != nil {
		return err
	}
	s := grpc.NewServer()
	authv3.RegisterAuthorizationServer(s, server{})
	return s.Serve(l)
}
