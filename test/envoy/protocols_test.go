package envoy_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/websocket"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/krater-mesh/krater/model"
)

// serves has page serve a port: its sidecar is on both sides of a call to it.
func (w *world) serves(number uint32, p model.Protocol, at string) {
	_, text, _ := net.SplitHostPort(at)
	app, _ := strconv.Atoi(text)
	name := fmt.Sprintf("p%d", number)
	w.snap.Workloads[0].Ports = append(w.snap.Workloads[0].Ports, model.WorkloadPort{Number: number, AppPort: uint32(app), Name: name, Protocol: p})
	w.addService(&model.Service{Host: name + ".default.svc.cluster.local", Name: name, Namespace: "default", Resolution: model.ResolutionStatic,
		Ports: []model.Port{{Number: number, Name: name, Protocol: p}}}, w.address(2))
	w.eps.Find(w.snap.Services[len(w.snap.Services)-1].Key()).Endpoints[0].MTLS = true // its own sidecar is before it
}

// listenTCP serves connections at a port of 127.0.0.1.
func listenTCP(t *testing.T, handle func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); handle(c) }()
		}
	}()
	return l.Addr().String()
}

func (w *world) through(target string) func(context.Context, string) (net.Conn, error) {
	return func(context.Context, string) (net.Conn, error) {
		c, status, err := dialThrough(w.address(2)+":15001", target)
		if c == nil && err == nil {
			err = fmt.Errorf("CONNECT answers %d", status)
		}
		if err == nil {
			_ = c.SetDeadline(time.Time{})
		}
		return c, err
	}
}

func (w *world) transport(target string) *http.Transport {
	return &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return w.through(target)(ctx, "") }}
}

// TestUndeclaredProtocols calls ports of no declared protocol, through both
// sidecars: HTTP/1.1 and HTTP/2 are recognized, and obey policies; all else is
// passed on, where the server speaks first after the detection timeout.
func TestUndeclaredProtocols(t *testing.T) {
	w := newWorld(t)
	wait := model.Duration(400 * time.Millisecond)
	w.snap.Mesh.DetectionTimeout = &wait
	w.serves(7000, model.Auto, w.app("auto", "127.0.0.1:0", nil))
	w.serves(7001, model.Auto, listenTCP(t, func(c net.Conn) { fmt.Fprintln(c, "hello"); _, _ = io.Copy(c, c) }))
	ca := newAuthority(t, "ca")
	cert := ca.issue(1, "inner.test").tls(t)
	w.serves(7002, model.Auto, listenTCP(t, func(c net.Conn) {
		fmt.Fprintln(tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert}}), "secret")
	}))
	w.serves(7003, model.TCP, listenTCP(t, func(c net.Conn) { fmt.Fprintln(c, "hello") }))
	w.snap.Authorization = []*model.AuthorizationPolicy{policyOf("d", model.Deny, operation(model.Operation{Paths: strs(model.Exact, "/denied"), Ports: []uint32{7000}}))}
	w.snap.Routes = []*model.RouteTable{{Object: model.Ref{Kind: "VirtualService", Namespace: "default", Name: "auto"}, Hosts: []string{"p7000.default.svc.cluster.local"}, Gateways: []string{model.MeshGateway},
		HTTP: []model.HTTPRoute{{Name: "r", Matches: on(model.HTTPMatch{Path: path(model.Exact, "/reviews")}), Destinations: []model.Destination{to("v2", 1)}},
			{Name: "rest", Destinations: []model.Destination{toService("p7000.default.svc.cluster.local", 7000, 1)}}}}}
	w.start("page-v1", noOptions, "")
	h1 := client(w.transport("p7000:7000"))
	h2 := &http.Client{Timeout: 10 * time.Second, Transport: &http2.Transport{AllowHTTP: true,
		DialTLSContext: func(ctx context.Context, _, _ string, _ *tls.Config) (net.Conn, error) {
			return w.through("p7000:7000")(ctx, "")
		}}}
	for name, c := range map[string]*http.Client{"HTTP/1.1": h1, "HTTP/2.0": h2, "by the proxy": w.proxied()} {
		if a := do(t, c, "GET http://p7000:7000/x"); a.echo.Who != "auto" || name != "by the proxy" && a.echo.Proto != name {
			t.Errorf("%s: %d %+v", name, a.StatusCode, a.echo)
		}
		if a := do(t, c, "GET http://p7000:7000/denied"); a.StatusCode != 403 {
			t.Errorf("%s: a denied path: %d", name, a.StatusCode)
		}
		if a := do(t, c, "GET http://p7000:7000/reviews"); a.echo.Who != "v2" {
			t.Errorf("%s: a routed path: %d %+v", name, a.StatusCode, a.echo)
		}
	}
	start := time.Now()
	c := w.talk("p7001:7001")
	if got := c.line(); got != "hello" || time.Since(start) < wait.Std() || time.Since(start) > 5*time.Second {
		t.Errorf("a server that speaks first: %q after %s", got, time.Since(start))
	}
	if got := c.say("ping"); got != "ping" {
		t.Errorf("after it: %q", got)
	}
	start = time.Now()
	if got := serverSays(t, w.talk("p7002:7002"), "inner.test"); got != "secret" || time.Since(start) > wait.Std() {
		t.Errorf("TLS: %q after %s", got, time.Since(start))
	}
	start = time.Now()
	if got := w.talk("p7003:7003").line(); got != "hello" || time.Since(start) > wait.Std() {
		t.Errorf("a declared TCP port: %q after %s", got, time.Since(start))
	}
}

// interop is gRPC's own test service: calls, both kinds of metadata, streams.
type interop struct {
	testpb.UnimplementedTestServiceServer
}

func (interop) UnaryCall(ctx context.Context, r *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
	_ = grpc.SetTrailer(ctx, metadata.Pairs("x-trailer", "after"))
	if s := r.GetResponseStatus(); s != nil {
		return nil, status.Error(codes.Code(s.Code), s.Message)
	}
	return &testpb.SimpleResponse{Payload: r.Payload}, nil
}

func (interop) FullDuplexCall(s testpb.TestService_FullDuplexCallServer) error {
	for {
		r, err := s.Recv()
		if err != nil {
			s.SetTrailer(metadata.Pairs("x-trailer", "end"))
			return nil
		}
		if err := s.Send(&testpb.StreamingOutputCallResponse{Payload: r.Payload}); err != nil {
			return err
		}
	}
}

// TestGRPCThroughBothSidecars calls with trailers, with errors in trailers, and
// streams both ways in turns.
func TestGRPCThroughBothSidecars(t *testing.T) {
	w := newWorld(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	testpb.RegisterTestServiceServer(server, interop{})
	go server.Serve(l)
	t.Cleanup(server.Stop)
	w.serves(50051, model.GRPC, l.Addr().String())
	w.serves(50052, model.Auto, l.Addr().String())
	w.start("page-v1", noOptions, "")
	for _, target := range []string{"p50051:50051", "p50052:50052"} {
		conn, err := grpc.NewClient("passthrough:///"+target, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithContextDialer(w.through(target)))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		c := testpb.NewTestServiceClient(conn)
		var trailer metadata.MD
		r, err := c.UnaryCall(ctx, &testpb.SimpleRequest{Payload: &testpb.Payload{Body: []byte("x")}}, grpc.Trailer(&trailer))
		if err != nil || string(r.GetPayload().GetBody()) != "x" || len(trailer["x-trailer"]) != 1 {
			t.Errorf("%s: %v, %v, trailer %v", target, r, err, trailer)
		}
		_, err = c.UnaryCall(ctx, &testpb.SimpleRequest{ResponseStatus: &testpb.EchoStatus{Code: int32(codes.DataLoss), Message: "gone"}})
		if status.Code(err) != codes.DataLoss {
			t.Errorf("%s: %v", target, err)
		}
		stream, err := c.FullDuplexCall(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			body := fmt.Sprint(i)
			if err := stream.Send(&testpb.StreamingOutputCallRequest{Payload: &testpb.Payload{Body: []byte(body)}}); err != nil {
				t.Fatal(err)
			}
			if r, err := stream.Recv(); err != nil || string(r.Payload.Body) != body {
				t.Fatalf("%s: %v, %v", target, r, err)
			}
		}
		_ = stream.CloseSend()
		if _, err := stream.Recv(); err != io.EOF || len(stream.Trailer()["x-trailer"]) != 1 {
			t.Errorf("%s: the end: %v, trailer %v", target, err, stream.Trailer())
		}
	}
}

// TestWebSocketThroughBothSidecars talks both ways on one connection.
func TestWebSocketThroughBothSidecars(t *testing.T) {
	w := newWorld(t)
	at := w.app("ws", "127.0.0.1:0", websocket.Handler(func(c *websocket.Conn) {
		for {
			var line string
			if websocket.Message.Receive(c, &line) != nil {
				return
			}
			_ = websocket.Message.Send(c, "heard "+line)
		}
	}))
	w.serves(8000, model.HTTP, at)
	w.serves(8001, model.Auto, at)
	w.start("page-v1", noOptions, "")
	for _, target := range []string{"p8000:8000", "p8001:8001"} {
		conn, err := w.through(target)(context.Background(), "")
		if err != nil {
			t.Fatal(err)
		}
		config, err := websocket.NewConfig("ws://"+target+"/", "http://"+target)
		if err != nil {
			t.Fatal(err)
		}
		c, err := websocket.NewClient(config, conn)
		if err != nil {
			t.Fatalf("%s: %v", target, err)
		}
		for _, line := range []string{"a", "b"} {
			var got string
			if err := websocket.Message.Send(c, line); err != nil {
				t.Fatal(err)
			}
			if err := websocket.Message.Receive(c, &got); err != nil || got != "heard "+line {
				t.Errorf("%s: %q, %v", target, got, err)
			}
		}
		c.Close()
	}
}

// TestConnectionsToWhereTheCallerMeant goes by name to what the proxy itself
// resolves: the CONNECT's for TCP, the server name for TLS.
func TestConnectionsToWhereTheCallerMeant(t *testing.T) {
	w := newWorld(t)
	tcp := listenTCP(t, func(c net.Conn) {
		line, _ := bufio.NewReader(c).ReadString('\n')
		fmt.Fprint(c, "heard ", line)
	})
	ca := newAuthority(t, "ca")
	cert := ca.issue(1, "localhost").tls(t)
	secure := listenTCP(t, func(c net.Conn) {
		fmt.Fprintln(tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert}}), "secret")
	})
	portOf := func(at string) uint32 {
		_, text, _ := net.SplitHostPort(at)
		port, _ := strconv.Atoi(text)
		return uint32(port)
	}
	w.snap.Services = append(w.snap.Services, &model.Service{Host: "localhost", Namespace: "default", Resolution: model.ResolutionDynamicDNS, External: true,
		Ports:      []model.Port{{Number: portOf(tcp), Name: "tcp", Protocol: model.TCP}, {Number: portOf(secure), Name: "tls", Protocol: model.TLS}},
		LocalPorts: map[uint32]uint32{portOf(tcp): 16101, portOf(secure): 16102}})
	w.start("page-v1", noOptions, "")
	if got := w.talk(fmt.Sprint("localhost:", portOf(tcp))).say("x"); got != "heard x" {
		t.Errorf("TCP: %q", got)
	}
	if got := w.name(fmt.Sprint("localhost:", portOf(secure)), "localhost", ca.pool()); got != "secret" {
		t.Errorf("TLS: %q", got)
	}
	local := mustDial(t, w.address(2)+":16101")
	if got := (talk{local, bufio.NewReader(local)}).say("x"); got != "heard x" {
		t.Errorf("TCP by the local port: %q", got)
	}
	if got := serverSays(t, mustDial(t, w.address(2)+":16102"), "localhost"); got != "secret" {
		t.Errorf("TLS by the local port: %q", got)
	}
}

// TestUnknownHostsPass calls what nobody declared, under ALLOW_ANY and under
// REGISTRY_ONLY.
func TestUnknownHostsPass(t *testing.T) {
	w := newWorld(t)
	wait := model.Duration(300 * time.Millisecond)
	w.snap.Mesh.DetectionTimeout = &wait
	plain := w.app("unknown", "127.0.0.1:0", nil)
	first := listenTCP(t, func(c net.Conn) { fmt.Fprintln(c, "hello") })
	ca := newAuthority(t, "ca")
	cert := ca.issue(1, "localhost").tls(t)
	secure := listenTCP(t, func(c net.Conn) {
		fmt.Fprintln(tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert}}), "secret")
	})
	named := func(at string) string { return "localhost" + at[len("127.0.0.1"):] }
	w.snap.Mesh.Outbound = model.AllowAny
	plane, _ := translatePlane(t, w.resources())
	plane.publish("ALLOW_ANY", w.resources().Set())
	if got := outcome(w.proxied(), "http://"+named(plain)+"/"); got != "200 unknown" {
		t.Errorf("HTTP: %s", got)
	}
	if got := outcome(client(w.transport(named(plain))), "http://"+named(plain)+"/"); got != "200 unknown" {
		t.Errorf("HTTP in a tunnel: %s", got)
	}
	if got := w.name(named(secure), "localhost", ca.pool()); got != "secret" {
		t.Errorf("TLS: %s", got)
	}
	for _, target := range []string{first, named(first)} {
		if got := w.talk(target).line(); got != "hello" {
			t.Errorf("TCP to %s: %q", target, got)
		}
	}
	w.snap.Mesh.Outbound = model.RegistryOnly
	plane.publish("REGISTRY_ONLY", w.resources().Set())
	if got := outcome(w.proxied(), "http://"+named(plain)+"/"); got != "502" {
		t.Errorf("HTTP under REGISTRY_ONLY: %s", got)
	}
	if c, status, _ := dialThrough(w.address(2)+":15001", first); c != nil || status != 502 {
		t.Errorf("TCP under REGISTRY_ONLY: %d", status)
	}
}

func mustDial(t *testing.T, at string) net.Conn {
	t.Helper()
	c, err := net.DialTimeout("tcp", at, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	return c
}
