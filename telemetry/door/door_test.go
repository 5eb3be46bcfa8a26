package door_test

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/service/accesslog/v3"
	"github.com/krater-mesh/krater/identity"
	"github.com/krater-mesh/krater/identity/authority"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/telemetry/door"
	"github.com/krater-mesh/krater/test/harness"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

// inside is what stands behind the door: it keeps what came.
type inside struct {
	accesslogv3.UnimplementedAccessLogServiceServer
	mu        sync.Mutex
	resources []pcommon.Map
	records   []pcommon.Map
	nodes     []string
}

func (i *inside) keep(resource, record pcommon.Map) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.resources, i.records = append(i.resources, resource), append(i.records, record)
}

type insideTraces struct {
	ptraceotlp.UnimplementedGRPCServer
	*inside
}

func (i *insideTraces) Export(_ context.Context, r ptraceotlp.ExportRequest) (ptraceotlp.ExportResponse, error) {
	rs := r.Traces().ResourceSpans().At(0)
	i.keep(rs.Resource().Attributes(), rs.ScopeSpans().At(0).Spans().At(0).Attributes())
	return ptraceotlp.NewExportResponse(), nil
}

type insideMetrics struct {
	pmetricotlp.UnimplementedGRPCServer
	*inside
}

func (i *insideMetrics) Export(_ context.Context, r pmetricotlp.ExportRequest) (pmetricotlp.ExportResponse, error) {
	i.keep(r.Metrics().ResourceMetrics().At(0).Resource().Attributes(), pcommon.NewMap())
	return pmetricotlp.NewExportResponse(), nil
}

type insideLogs struct {
	plogotlp.UnimplementedGRPCServer
	*inside
}

func (i *insideLogs) Export(_ context.Context, r plogotlp.ExportRequest) (plogotlp.ExportResponse, error) {
	rl := r.Logs().ResourceLogs().At(0)
	i.keep(rl.Resource().Attributes(), rl.ScopeLogs().At(0).LogRecords().At(0).Attributes())
	return plogotlp.NewExportResponse(), nil
}

func (i *inside) StreamAccessLogs(s accesslogv3.AccessLogService_StreamAccessLogsServer) error {
	for {
		m, err := s.Recv()
		if err != nil {
			return s.SendAndClose(&accesslogv3.StreamAccessLogsResponse{})
		}
		i.mu.Lock()
		i.nodes = append(i.nodes, m.GetIdentifier().GetNode().GetId())
		i.mu.Unlock()
	}
}

// world is a door with what is behind it.
type world struct {
	*inside
	t         *testing.T
	authority *authority.Authority
	address   string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	a, err := authority.Open(authority.Options{Dir: t.TempDir(), TrustDomain: "mesh.test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	w := &world{inside: &inside{}, t: t, authority: a, address: "127.0.0.1:" + strconv.Itoa(harness.FreePort(t))}
	socket := filepath.Join(t.TempDir(), "in.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	g := grpc.NewServer()
	ptraceotlp.RegisterGRPCServer(g, &insideTraces{inside: w.inside})
	pmetricotlp.RegisterGRPCServer(g, &insideMetrics{inside: w.inside})
	plogotlp.RegisterGRPCServer(g, &insideLogs{inside: w.inside})
	accesslogv3.RegisterAccessLogServiceServer(g, w.inside)
	go g.Serve(l)
	t.Cleanup(g.Stop)

	own := w.issue(identity.System("mesh.test", identity.Collector))
	d := door.New(door.Options{
		Listen: []string{w.address}, OTLP: "unix:" + socket, ALS: "unix:" + socket, Logger: slog.New(slog.DiscardHandler),
		TLS: identity.ServerTLS(func() (identity.Credential, bool) { return *own, true }, time.Now),
		Caller: func(ctx context.Context) (string, string, error) {
			c, err := identity.VerifiedPeer(ctx, a.Bundle(), time.Now())
			return c.Namespace, c.Workload, err
		},
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *world) issue(c identity.Claims) *identity.Credential {
	w.t.Helper()
	credential, err := w.authority.Issue(c, time.Hour)
	if err != nil {
		w.t.Fatal(err)
	}
	return &credential
}

func (w *world) dial(c *identity.Credential) *grpc.ClientConn {
	w.t.Helper()
	current := func() (identity.Credential, bool) {
		if c == nil {
			return identity.Credential{}, false
		}
		return *c, true
	}
	creds := credentials.NewTLS(identity.ClientTLS(current, w.authority.Bundle, identity.Collector, time.Now))
	conn, err := grpc.NewClient(w.address, grpc.WithTransportCredentials(creds), grpc.WithDefaultCallOptions(grpc.WaitForReady(true)))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { conn.Close() })
	return conn
}

// lie names another as the sender, wherever one is named.
func lie(attributes pcommon.Map) {
	for _, name := range []string{"krater.proxy", "service.name", "service.namespace", "node_id"} {
		attributes.PutStr(name, "bank/vault")
	}
	attributes.PutStr("other", "stays")
}

// send sends one of each by OTLP.
func send(ctx context.Context, conn *grpc.ClientConn) []error {
	t := ptraceotlp.NewExportRequest()
	spans := t.Traces().ResourceSpans().AppendEmpty()
	lie(spans.Resource().Attributes())
	lie(spans.ScopeSpans().AppendEmpty().Spans().AppendEmpty().Attributes())
	m := pmetricotlp.NewExportRequest()
	lie(m.Metrics().ResourceMetrics().AppendEmpty().Resource().Attributes())
	l := plogotlp.NewExportRequest()
	logs := l.Logs().ResourceLogs().AppendEmpty()
	lie(logs.Resource().Attributes())
	lie(logs.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Attributes())
	_, err1 := ptraceotlp.NewGRPCClient(conn).Export(ctx, t)
	_, err2 := pmetricotlp.NewGRPCClient(conn).Export(ctx, m)
	_, err3 := plogotlp.NewGRPCClient(conn).Export(ctx, l)
	return []error{err1, err2, err3}
}

// logs sends access logs, a proxy's and then another's.
func logs(ctx context.Context, conn *grpc.ClientConn) error {
	s, err := accesslogv3.NewAccessLogServiceClient(conn).StreamAccessLogs(ctx)
	if err != nil {
		return err
	}
	for range 2 {
		_ = s.Send(&accesslogv3.StreamAccessLogsMessage{Identifier: &accesslogv3.StreamAccessLogsMessage_Identifier{Node: &corev3.Node{Id: "bank/vault"}, LogName: "requests"}}) // the answer says why not
	}
	_, err = s.CloseAndRecv()
	return err
}

func TestAMemberSendsAsItself(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn := w.dial(w.issue(identity.Claims{Identity: model.Identity{TrustDomain: "mesh.test", Namespace: "shop", ServiceAccount: "cart"}, Workload: "cart"}))
	for i, err := range append(send(ctx, conn), logs(ctx, conn)) {
		if err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
	want := map[string]string{"krater.proxy": "shop/cart", "service.name": "cart", "service.namespace": "shop", "other": "stays"}
	for i, r := range w.resources {
		for name, text := range want {
			if v, ok := r.Get(name); !ok || v.AsString() != text {
				t.Errorf("resource %d: %s is %q", i, name, v.AsString())
			}
		}
	}
	for i, r := range w.records {
		for _, name := range []string{"krater.proxy", "node_id"} {
			if v, ok := r.Get(name); ok && v.AsString() != "shop/cart" {
				t.Errorf("record %d: %s is %q", i, name, v.AsString())
			}
		}
	}
	if len(w.resources) != 3 || len(w.nodes) != 2 || w.nodes[0] != "shop/cart" || w.nodes[1] != "shop/cart" {
		t.Errorf("%d resources, access logs of %v", len(w.resources), w.nodes)
	}
}

func TestADaemonIsNoProxy(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for _, err := range send(ctx, w.dial(w.issue(identity.System("mesh.test", identity.Policyd)))) {
		if err != nil {
			t.Error(err)
		}
	}
	for _, r := range w.resources {
		name, _ := r.Get("service.name")
		if _, proxy := r.Get("krater.proxy"); proxy || name.AsString() != "krater-policyd" {
			t.Errorf("%v", r.AsRaw())
		}
	}
}

func TestNobodyElseSends(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn := w.dial(nil)
	for i, err := range append(send(ctx, conn), logs(ctx, conn)) {
		if status.Code(err) != codes.Unauthenticated {
			t.Errorf("%d: %v", i, err)
		}
	}
	foreign := newWorld(t)
	stranger := foreign.issue(identity.Claims{Identity: model.Identity{TrustDomain: "mesh.test", Namespace: "shop", ServiceAccount: "cart"}, Workload: "cart"})
	for _, creds := range []credentials.TransportCredentials{
		insecure.NewCredentials(),
		credentials.NewTLS(&tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}, Certificates: []tls.Certificate{*stranger.TLS()}}),
	} {
		conn, err := grpc.NewClient(w.address, grpc.WithTransportCredentials(creds))
		if err != nil {
			t.Fatal(err)
		}
		for i, err := range append(send(ctx, conn), logs(ctx, conn)) {
			if status.Code(err) != codes.Unavailable {
				t.Errorf("%d: %v", i, err)
			}
		}
		conn.Close()
	}
	if len(w.resources)+len(w.nodes) > 0 {
		t.Errorf("something came: %v %v", w.resources, w.nodes)
	}
}
