package agent_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	tcpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/krater-mesh/krater/agent"
	"github.com/krater-mesh/krater/identity"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
)

// daemon is a gRPC server of another machine that takes any call; it tells by
// whose certificate each came.
func daemon(t *testing.T, name string) (target string, calls <-chan string) {
	t.Helper()
	authority := harness.SharedAuthority(t)
	m := authority.Issue(t, model.Workload{Namespace: identity.SystemNamespace, Name: name, ServiceAccount: name}, nil)
	pair, err := tls.X509KeyPair(m.Chain, m.Key)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority.Root)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	seen := make(chan string, 100)
	g := grpc.NewServer(
		grpc.Creds(credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: roots})),
		grpc.UnknownServiceHandler(func(_ any, s grpc.ServerStream) error {
			c, _ := identity.Peer(s.Context())
			select {
			case seen <- c.ID():
			default:
			}
			return nil
		}))
	go g.Serve(l)
	t.Cleanup(g.Stop)
	return l.Addr().String(), seen
}

// TestDaemonsElsewhereAreKnownByTheirIdentity: Envoy reaches the collector of
// another machine as the workload that it is, and nobody who is not the
// collector, though the mesh knows it.
func TestDaemonsElsewhereAreKnownByTheirIdentity(t *testing.T) {
	collector, calls := daemon(t, identity.Collector)
	impostor, lured := daemon(t, identity.Policyd)
	cart := model.Workload{Namespace: "shop", Name: "cart-v1", ServiceAccount: "cart"}
	if err := through(t, cart, collector); status.Code(err) != codes.OK && !errors.Is(err, io.EOF) {
		t.Errorf("the collector is not reached: %v", err)
	} else if who := <-calls; who != cart.ID() {
		t.Errorf("the collector was called by %q", who)
	}
	if err := through(t, cart, impostor); err == nil || errors.Is(err, io.EOF) || len(lured) > 0 {
		t.Errorf("who is not the collector was reached: %v", err)
	}
}

// through calls a daemon by the connection that an Envoy has to it: its
// cluster, behind a listener that hands on bytes.
func through(t *testing.T, w model.Workload, target string) error {
	t.Helper()
	b, err := agent.Bootstrap(agent.Proxy{ID: w.ID(), Name: w.Name, Address: "127.0.0.1"},
		agent.Upstreams{OTLP: target, SDS: harness.NewIdentity(t, w).SDS, TrustDomain: harness.TrustDomain})
	if err != nil {
		t.Fatal(err)
	}
	admin, port := harness.FreePort(t), harness.FreePort(t)
	b.Admin.Address = socketAddress("127.0.0.1", uint32(admin))
	proxy, err := anypb.New(&tcpv3.TcpProxy{StatPrefix: "through", ClusterSpecifier: &tcpv3.TcpProxy_Cluster{Cluster: agent.OTLPCluster}})
	if err != nil {
		t.Fatal(err)
	}
	b.StaticResources.Listeners = append(b.StaticResources.Listeners, &listenerv3.Listener{Name: "through", Address: socketAddress("127.0.0.1", uint32(port)),
		FilterChains: []*listenerv3.FilterChain{{Filters: []*listenerv3.Filter{{Name: "tcp", ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: proxy}}}}}})
	text, err := agent.MarshalBootstrap(b)
	if err != nil {
		t.Fatal(err)
	}
	harness.StartEnvoyAt(t, text, fmt.Sprintf("http://127.0.0.1:%d", admin))
	conn, err := grpc.NewClient(fmt.Sprintf("127.0.0.1:%d", port), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/a/b")
	if err != nil {
		return err
	}
	return stream.RecvMsg(&anypb.Any{})
}

func socketAddress(ip string, port uint32) *corev3.Address {
	return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address: ip, PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: port}}}}
}
