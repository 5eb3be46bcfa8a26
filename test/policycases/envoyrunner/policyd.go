package envoyrunner

import (
	"context"
	"net"
	"sync"
	"testing"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc/metadata"

	"github.com/krater-mesh/krater/policyd"
	"github.com/krater-mesh/krater/policyd/authz"
)

// asked is policyd, and which requests it was asked about.
type asked struct {
	server *authz.Server
	stop   func()
	mu     sync.Mutex
	checks map[question][]*authv3.CheckRequest
}

// question is a request, by its x-request-id, and whether it was asked about
// for policies in shadow.
type question struct {
	id     string
	shadow bool
}

var _ authv3.AuthorizationServer = (*asked)(nil)

func servePolicyd(t testing.TB, socket string) *asked {
	t.Helper()
	a := &asked{server: policyd.New(policyd.Options{}).Server(), checks: map[question][]*authv3.CheckRequest{}}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	rpc := policyd.NewGRPCServer(a)
	go rpc.Serve(l)
	a.stop = rpc.Stop
	t.Cleanup(rpc.Stop)
	return a
}

// Check implements ext_authz.
func (a *asked) Check(ctx context.Context, r *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	q := question{id: r.GetAttributes().GetRequest().GetHttp().GetHeaders()["x-request-id"]}
	if mode := metadata.ValueFromIncomingContext(ctx, "krater-mode"); len(mode) > 0 {
		q.shadow = mode[0] == "shadow"
	}
	a.mu.Lock()
	a.checks[q] = append(a.checks[q], r)
	a.mu.Unlock()
	return a.server.Check(ctx, r)
}

// take gives the checks of a request, and forgets them.
func (a *asked) take(id string, shadow bool) []*authv3.CheckRequest {
	a.mu.Lock()
	defer a.mu.Unlock()
	q := question{id, shadow}
	defer delete(a.checks, q)
	return a.checks[q]
}

// StopPolicyd ends policyd: from then on nobody answers what Envoy asks.
func (r *Runner) StopPolicyd() { r.policyd.stop() }
