package envoyrunner

import (
	"context"
	"net"
	"sync"
	"testing"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"

	"github.com/krater-mesh/krater/policyd"
	"github.com/krater-mesh/krater/policyd/authz"
)

// asked is policyd, and which requests it was asked about.
type asked struct {
	server *authz.Server
	stop   func()
	mu     sync.Mutex
	checks map[string][]*authv3.CheckRequest // by x-request-id
}

var _ authv3.AuthorizationServer = (*asked)(nil)

func servePolicyd(t testing.TB, socket string) *asked {
	t.Helper()
	a := &asked{server: policyd.New(policyd.Options{}).Server(), checks: map[string][]*authv3.CheckRequest{}}
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
	id := r.GetAttributes().GetRequest().GetHttp().GetHeaders()["x-request-id"]
	a.mu.Lock()
	a.checks[id] = append(a.checks[id], r)
	a.mu.Unlock()
	return a.server.Check(ctx, r)
}

// take gives the checks of a request, and forgets them.
func (a *asked) take(id string) []*authv3.CheckRequest {
	a.mu.Lock()
	defer a.mu.Unlock()
	defer delete(a.checks, id)
	return a.checks[id]
}

// StopPolicyd ends policyd: from then on nobody answers what Envoy asks.
func (r *Runner) StopPolicyd() { r.policyd.stop() }
