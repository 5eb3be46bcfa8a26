package admission

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/krater-mesh/krater/identity"
	"github.com/krater-mesh/krater/identity/authority"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/serve"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const (
	trustDomain = "mesh.test"
	alias       = "old.test"
	thing       = "type.googleapis.com/krater.test.Thing"
	patience    = 10 * time.Second
)

// clock is one that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// world is a server that a gate stands before, with TLS and without.
type world struct {
	t          *testing.T
	clock      *clock
	gate       *Gate
	authority  *authority.Authority
	server     *serve.Server
	tls, plain *bufconn.Listener
}

// declared is the mesh of these tests.
func declared() *model.Snapshot {
	return &model.Snapshot{
		Mesh: model.Mesh{TrustDomain: trustDomain, TrustDomainAliases: []string{alias}},
		Workloads: []model.Workload{
			{Namespace: "shop", Name: "cart", ServiceAccount: "cart"}, {Namespace: "shop", Name: "till"}, {Namespace: "bank", Name: "vault", ServiceAccount: "vault"},
		},
		Groups: []*model.WorkloadGroup{{Object: model.Ref{Kind: "WorkloadGroup", Namespace: "vm", Name: "db"}, Template: model.Endpoint{ServiceAccount: "db"}}},
	}
}

func newAuthority(t *testing.T, domain string, now func() time.Time, aliases ...string) *authority.Authority {
	t.Helper()
	a, err := authority.Open(authority.Options{Dir: t.TempDir(), TrustDomain: domain, Aliases: aliases, Clock: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

func newWorld(t *testing.T, o Options) *world {
	t.Helper()
	w := &world{t: t, clock: &clock{now: time.Now()}, tls: bufconn.Listen(1 << 20), plain: bufconn.Listen(1 << 20)}
	w.authority = newAuthority(t, trustDomain, w.clock.Now, alias)
	o.Peer, o.Logger, o.Now = w.authority.Peer, slog.New(slog.DiscardHandler), w.clock.Now
	w.gate = New(o)
	w.gate.SetMesh(NewMesh(declared()))
	w.server = serve.New(serve.Options{Admit: w.gate.Admit})
	for _, node := range []string{"shop/cart", "shop/till", "bank/vault", "vm/db-10-0-0-7", model.NodePolicyd} {
		set := serve.Set{thing: {"of " + node: wrapperspb.String(node)}}
		if err := w.server.Publish(node, set, serve.Cause{}); err != nil {
			t.Fatal(err)
		}
	}
	secured := grpc.NewServer(append(serve.GRPCOptions(), grpc.Creds(credentials.NewTLS(w.authority.ServerTLS())))...)
	open := grpc.NewServer(serve.GRPCOptions()...)
	for _, g := range []*grpc.Server{secured, open} {
		w.server.Register(g)
		t.Cleanup(g.Stop)
	}
	go secured.Serve(w.tls)
	go open.Serve(w.plain)
	return w
}

// issue makes a credential of the mesh's own authority.
func (w *world) issue(c identity.Claims) *identity.Credential {
	return issue(w.t, w.authority, c)
}

func issue(t *testing.T, a *authority.Authority, c identity.Claims) *identity.Credential {
	t.Helper()
	credential, err := a.Issue(c, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return &credential
}

func claims(namespace, name, account string) identity.Claims {
	return identity.Claims{Identity: model.Identity{TrustDomain: trustDomain, Namespace: namespace, ServiceAccount: account}, Workload: name}
}

// asker is one stream that speaks for a node.
type asker struct {
	conn   *grpc.ClientConn
	stream discovery.AggregatedDiscoveryService_DeltaAggregatedResourcesClient
	close  func()
}

// ask opens a stream with a credential, nil for none.
func (w *world) ask(c *identity.Credential, node string) *asker {
	w.t.Helper()
	// The tests are about what the server lets in: the server is trusted here.
	config := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}
	if c != nil {
		config.Certificates = []tls.Certificate{*c.TLS()}
	}
	return w.askOn(w.tls, credentials.NewTLS(config), node)
}

func (w *world) askPlain(node string) *asker {
	return w.askOn(w.plain, insecure.NewCredentials(), node)
}

func (w *world) askOn(l *bufconn.Listener, creds credentials.TransportCredentials, node string) *asker {
	w.t.Helper()
	conn, err := grpc.NewClient("passthrough:///world", grpc.WithTransportCredentials(creds),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { conn.Close() })
	return w.askAgain(conn, node)
}

// askAgain opens another stream on a connection.
func (w *world) askAgain(conn *grpc.ClientConn, node string) *asker {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	a := &asker{conn: conn, close: cancel}
	w.t.Cleanup(a.close)
	var err error
	if a.stream, err = discovery.NewAggregatedDiscoveryServiceClient(conn).DeltaAggregatedResources(ctx); err != nil {
		return a // its receive says why
	}
	_ = a.stream.Send(&discovery.DeltaDiscoveryRequest{Node: &core.Node{Id: node}, TypeUrl: thing}) // likewise
	return a
}

// receive is what comes first: the one resource's name, or the error.
func (a *asker) receive() (string, error) {
	if a.stream == nil {
		return "", status.Error(14, "the handshake failed")
	}
	res, err := a.stream.Recv()
	if err != nil {
		return "", err
	}
	if len(res.GetResources()) != 1 {
		return "", status.Errorf(2, "%d resources came", len(res.GetResources()))
	}
	return res.GetResources()[0].GetName(), nil
}
