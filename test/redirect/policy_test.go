package redirect

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/krater-mesh/krater/agent/redirect"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/test/netns"
)

// TestGRPCIsRouted by a client that is no command of ours, and by what it
// calls: an application of gRPC on the other machine.
func TestGRPCIsRouted(t *testing.T) {
	w := newWorld(t)
	w.accept(model.MTLSStrict)
	s := grpc.NewServer()
	healthpb.RegisterHealthServer(s, health.NewServer())
	l := w.server.Listen(":9090")
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	w.start(redirect.NFTables)
	c, err := grpc.NewClient("passthrough:///"+webIP+":9090", grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithAuthority("web:9090"),
		grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
			return w.client.Dial(ctx, "tcp", address)
		}))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	res, err := healthpb.NewHealthClient(c).Check(ctx, &healthpb.HealthCheckRequest{})
	if err != nil || res.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("got %v, %v", res, err)
	}
}

// TestPoliciesHoldForRedirectedTraffic: those on callers' identities,
// and those on ports that no service has.
func TestPoliciesHoldForRedirectedTraffic(t *testing.T) {
	w := newWorld(t)
	w.accept(model.MTLSPermissive)
	app(w.server, ":8080")
	app(w.server, ":9999")
	w.start(redirect.NFTables)
	deny := func(rule model.AuthorizationRule) {
		w.snap.Authorization = []*model.AuthorizationPolicy{{Object: model.Ref{Kind: "AuthorizationPolicy", Namespace: "default", Name: "p"},
			Selector: model.Selector{Namespace: "default", Labels: map[string]string{"app": "server"}}, Action: model.Deny, Rules: []model.AuthorizationRule{rule}}}
		w.publish()
	}
	reach := func() map[string]bool {
		out := map[string]bool{}
		for name, h := range map[string]*netns.Host{"client": w.client, "outside": w.outside} {
			for _, port := range []string{"8080", "9999"} {
				status, _ := curl(t, h, "http://x:"+port+"/", w.server.Address)
				out[name+" "+port] = status == "200"
			}
		}
		status, _ := curl(t, w.client, "http://web:80/", webIP)
		out["client web"] = status == "200"
		return out
	}
	expect := func(what string, not ...string) {
		t.Helper()
		harness.Until(t, 5*time.Second, what, func() error {
			got := reach()
			for call, ok := range got {
				want := true
				for _, n := range not {
					want = want && n != call
				}
				if ok != want {
					return fmt.Errorf("%s: reached is %v, want %v (all: %v)", call, ok, want, got)
				}
			}
			return nil
		})
	}
	expect("everybody to be let in")
	deny(model.AuthorizationRule{To: []model.Operation{{Ports: []uint32{9999}}}})
	expect("a port of no service to be shut", "client 9999", "outside 9999")
	deny(model.AuthorizationRule{From: []model.Source{{ServiceAccounts: []string{"default/client"}}}, To: []model.Operation{{Ports: []uint32{8080}}}})
	expect("who shows the account to be refused", "client web")
}
