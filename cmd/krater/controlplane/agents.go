package controlplane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/krater-mesh/krater/cmd/krater/admission"
	"github.com/krater-mesh/krater/identity"
	"github.com/krater-mesh/krater/xds/serve"
	"google.golang.org/genproto/googleapis/bytestream"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/tap"
	securityv1alpha1 "istio.io/api/security/v1alpha1"
)

// The bounds of the listener for agents. Whoever reaches it can open a
// connection without a certificate, to ask for one.
const (
	maxStreams      = 16      // of one connection
	maxMessage      = 4 << 20 // bytes
	handshakeWithin = 10 * time.Second
	idleWithin      = time.Minute // without a call: agents have one all the time
)

// typeHealth is the type of an agent's reports of its application's health, as
// Istio's agents name it.
const typeHealth = "type.googleapis.com/istio.v1.HealthInformation"

// serveAgents serves certificates, configuration and modules over TLS.
func (c *ControlPlane) serveAgents(ctx context.Context, l net.Listener) error {
	g := grpc.NewServer(append(serve.GRPCOptions(),
		grpc.Creds(&watchedTLS{credentials.NewTLS(c.authority.ServerTLS()), c.gate}),
		grpc.MaxConcurrentStreams(maxStreams), grpc.MaxRecvMsgSize(maxMessage), grpc.ConnectionTimeout(handshakeWithin),
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionIdle: idleWithin, Time: 30 * time.Second, Timeout: 10 * time.Second}),
		grpc.InTapHandle(c.tap),
	)...)
	c.server.Register(g)
	c.authority.Register(g)
	bytestream.RegisterByteStreamServer(g, &moduleReads{gate: c.gate, server: c.server, modules: c.o.ModuleDir})
	stop := context.AfterFunc(ctx, g.Stop)
	defer stop()
	if err := g.Serve(l); err != nil && ctx.Err() == nil {
		return fmt.Errorf("serving agents: %w", err)
	}
	return nil
}

// tap refuses calls before a byte of them is read: without a certificate there
// is one thing to ask for, and that is a certificate.
func (c *ControlPlane) tap(ctx context.Context, call *tap.Info) (context.Context, error) {
	if _, ok := identity.Peer(ctx); ok || call.FullMethodName == securityv1alpha1.IstioCertificateService_CreateCertificate_FullMethodName {
		return ctx, nil
	}
	if _, err := c.gate.Member(ctx, "call"); err != nil {
		return nil, err
	}
	return ctx, nil
}

// peer is who makes a call, as the authority sees it now.
func (c *ControlPlane) peer(ctx context.Context) (identity.Claims, error) {
	return c.authority.Peer(ctx)
}

// joined registers a group's member that connected.
func (c *ControlPlane) joined(m admission.Member, _ *core.Node) (left func(), err error) {
	return c.registrar.Join(m.Group, m.Address)
}

// reportHealth takes in what an agent says of its application.
func (c *ControlPlane) reportHealth(node string, req *discovery.DeltaDiscoveryRequest) {
	if !c.registrar.Health(node, req.GetErrorDetail() == nil, req.GetErrorDetail().GetMessage()) {
		c.o.Logger.Debug("a report of health is left aside: the workload did not register itself", "node", node)
	}
}

// watchedTLS notes the handshakes that fail: a foreign certificate, or one
// that has ended, is never seen by anything behind them.
type watchedTLS struct {
	credentials.TransportCredentials
	gate *admission.Gate
}

// ServerHandshake implements credentials.TransportCredentials.
func (w *watchedTLS) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	out, info, err := w.TransportCredentials.ServerHandshake(conn)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		w.gate.Note(admission.Refusal{What: "connection", Address: admission.Host(conn.RemoteAddr()), Reason: err.Error()})
	}
	return out, info, err
}

// Clone implements credentials.TransportCredentials.
func (w *watchedTLS) Clone() credentials.TransportCredentials {
	return &watchedTLS{w.TransportCredentials.Clone(), w.gate}
}
