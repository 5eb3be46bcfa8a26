package serve

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
)

const deadline = 10 * time.Second

// wire is a server on a line in memory, and what it observed.
type wire struct {
	*Server
	t        testing.TB
	listener *bufconn.Listener
	events   chan Event
}

func newWire(t testing.TB) *wire { return newWireOf(t, Options{}) }

func newWireOf(t testing.TB, o Options) *wire {
	w := &wire{t: t, listener: bufconn.Listen(1 << 20), events: make(chan Event, 1<<16)}
	o.Observe = func(e Event) { w.events <- e }
	w.Server = New(o)
	g := grpc.NewServer(GRPCOptions()...)
	w.Register(g)
	go g.Serve(w.listener)
	t.Cleanup(g.Stop)
	return w
}

// event is the next one of a kind.
func (w *wire) event(kind EventKind) Event {
	w.t.Helper()
	for timeout := time.After(deadline); ; {
		select {
		case e := <-w.events:
			if e.Kind == kind {
				return e
			}
		case <-timeout:
			w.t.Fatalf("no event %q came; status %+v", kind, w.Status())
		}
	}
}

func (w *wire) publish(node string, set Set) {
	w.t.Helper()
	if err := w.Publish(node, set, Cause{Edit: "test"}); err != nil {
		w.t.Fatal(err)
	}
}

// until waits for a condition of one node's status.
func (w *wire) until(node, what string, ok func(ClientStatus) bool) {
	w.t.Helper()
	for end := time.Now().Add(deadline); ; time.Sleep(time.Millisecond) {
		for _, st := range w.Status() {
			if st.Node == node && ok(st) {
				return
			}
		}
		if time.Now().After(end) {
			w.t.Fatalf("%s: never %s: %+v", node, what, w.Status())
		}
	}
}

// client is one stream of a node.
type client struct {
	t      testing.TB
	stream discovery.AggregatedDiscoveryService_DeltaAggregatedResourcesClient
	close  func()
	in     chan *discovery.DeltaDiscoveryResponse
}

func (w *wire) dial() *grpc.ClientConn {
	w.t.Helper()
	conn, err := grpc.NewClient("passthrough:///wire", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return w.listener.DialContext(ctx) }))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { conn.Close() })
	return conn
}

// open begins a stream with a first request.
func (w *wire) open(node string, first *discovery.DeltaDiscoveryRequest) *client {
	w.t.Helper()
	return w.openOn(w.dial(), node, first)
}

func (w *wire) openOn(conn *grpc.ClientConn, node string, first *discovery.DeltaDiscoveryRequest) *client {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	stream, err := discovery.NewAggregatedDiscoveryServiceClient(conn).DeltaAggregatedResources(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	c := &client{t: w.t, stream: stream, in: make(chan *discovery.DeltaDiscoveryResponse)}
	c.close = sync.OnceFunc(cancel)
	w.t.Cleanup(c.close)
	go func() {
		defer close(c.in)
		for {
			res, err := stream.Recv()
			if err != nil {
				return
			}
			select {
			case c.in <- res:
			case <-ctx.Done():
				return
			}
		}
	}()
	first.Node = &core.Node{Id: node}
	c.send(first)
	return c
}

func (c *client) send(req *discovery.DeltaDiscoveryRequest) {
	c.t.Helper()
	if err := c.stream.Send(req); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) ask(typeURL string, names ...string) {
	c.t.Helper()
	c.send(&discovery.DeltaDiscoveryRequest{TypeUrl: typeURL, ResourceNamesSubscribe: names})
}

// answer acknowledges a response, or refuses it if there is a detail.
func (c *client) answer(res *discovery.DeltaDiscoveryResponse, detail string) {
	c.t.Helper()
	req := &discovery.DeltaDiscoveryRequest{TypeUrl: res.GetTypeUrl(), ResponseNonce: res.GetNonce()}
	if detail != "" {
		req.ErrorDetail = &rpcstatus.Status{Message: detail}
	}
	c.send(req)
}

// response is the next one.
func (c *client) response() *discovery.DeltaDiscoveryResponse {
	c.t.Helper()
	select {
	case res, ok := <-c.in:
		if !ok {
			c.t.Fatal("the stream has ended")
		}
		return res
	case <-time.After(deadline):
		c.t.Fatal("no response came")
	}
	return nil
}

// things is a set of one type that has no order.
func things(texts map[string]string) Set {
	all := map[string]proto.Message{}
	for name, text := range texts {
		all[name] = say("%s", text)
	}
	return Set{testType: all}
}

const testType = typeURLPrefix + "krater.test.Thing"
