package rotation_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
)

// listen serves a port of the application's.
func listen(t *testing.T, w model.Workload, port string) net.Listener {
	t.Helper()
	for _, p := range w.Ports {
		if p.Name != port {
			continue
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", p.AppPort))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return l
	}
	t.Fatalf("%s has no port %s", w.Name, port)
	return nil
}

// application answers on all ports of the cart.
func application(t *testing.T, w model.Workload) {
	t.Helper()
	for _, port := range []string{"http", "http-fresh"} {
		s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.URL.Path) })}
		go s.Serve(listen(t, w, port))
		t.Cleanup(func() { s.Close() })
	}
	g := grpc.NewServer()
	discovery.RegisterAggregatedDiscoveryServiceServer(g, echoes{})
	go g.Serve(listen(t, w, "grpc"))
	t.Cleanup(g.Stop)
	l := listen(t, w, "tcp")
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); io.Copy(c, c) }()
		}
	}()
}

// echoes answers each message of a stream with its type: a service with a
// stream of both directions that needs no code of its own.
type echoes struct {
	discovery.UnimplementedAggregatedDiscoveryServiceServer
}

// DeltaAggregatedResources implements the service.
func (echoes) DeltaAggregatedResources(s discovery.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	for {
		req, err := s.Recv()
		if err != nil {
			return err
		}
		if err := s.Send(&discovery.DeltaDiscoveryResponse{TypeUrl: req.GetTypeUrl()}); err != nil {
			return err
		}
	}
}

// load calls without end, and keeps count.
type load struct {
	proxy string // the caller's
	stop  context.CancelFunc
	all   sync.WaitGroup

	mu     sync.Mutex
	failed []string
	counts map[string]*atomic.Int64
}

// pause is between two calls of one caller.
const pause = 5 * time.Millisecond

// start begins to call in each way.
func start(t *testing.T, proxy string) *load {
	ctx, stop := context.WithCancel(t.Context())
	l := &load{proxy: proxy, stop: stop, counts: map[string]*atomic.Int64{}}
	l.caller(ctx, "HTTP, kept alive", l.http("cart:8080"))
	l.caller(ctx, "HTTP, a new connection each", l.http("cart:8081"))
	l.caller(ctx, "a gRPC stream", l.stream)
	l.caller(ctx, "a TCP connection", l.tcp(true))
	l.caller(ctx, "TCP, a new connection each", l.tcp(false))
	return l
}

// caller runs one way of calling; each gives a function that calls once.
func (l *load) caller(ctx context.Context, name string, open func(context.Context) (call func(n int64) error, end func(), err error)) {
	count := &atomic.Int64{}
	l.counts[name] = count
	l.all.Go(func() {
		call, end, err := open(ctx)
		if err != nil {
			l.fail(name, err)
			return
		}
		defer end()
		for ctx.Err() == nil {
			n := count.Add(1)
			if err := call(n); err != nil && ctx.Err() == nil {
				l.fail(name, fmt.Errorf("call %d at %s: %w", n, time.Now().Format("15:04:05.000"), err))
			}
			time.Sleep(pause)
		}
	})
}

func (l *load) fail(name string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed = append(l.failed, name+": "+err.Error())
}

// more waits for some more calls of each way.
func (l *load) more(t *testing.T) {
	t.Helper()
	for name, count := range l.counts {
		before := count.Load()
		harness.Until(t, 20*time.Second, "more of "+name, func() error {
			if n := count.Load() - before; n < 100 {
				return fmt.Errorf("%d calls", n)
			}
			return nil
		})
	}
}

// end stops, and says what failed.
func (l *load) end(t *testing.T) {
	t.Helper()
	l.stop()
	l.all.Wait()
	for name, count := range l.counts {
		t.Logf("%s: %d calls", name, count.Load())
		if count.Load() < 100 {
			t.Errorf("%s: %d calls are too few to show anything", name, count.Load())
		}
	}
	if len(l.failed) > 0 {
		t.Errorf("%d calls failed:\n%s", len(l.failed), strings.Join(l.failed[:min(len(l.failed), 10)], "\n"))
	}
}

func (l *load) http(host string) func(context.Context) (func(int64) error, func(), error) {
	return func(ctx context.Context) (func(int64) error, func(), error) {
		client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: l.proxy})}, Timeout: 10 * time.Second}
		call := func(n int64) error {
			path := fmt.Sprintf("/%d", n)
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+path, nil)
			if err != nil {
				return err
			}
			res, err := client.Do(req)
			if err != nil {
				return err
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			if err == nil && (res.StatusCode != http.StatusOK || string(body) != path) {
				err = fmt.Errorf("%d %s", res.StatusCode, body)
			}
			return err
		}
		return call, client.CloseIdleConnections, nil
	}
}

// stream is one of gRPC that lives as long as the load.
func (l *load) stream(ctx context.Context) (func(int64) error, func(), error) {
	conn, err := grpc.NewClient("passthrough:///cart:9090", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, to string) (net.Conn, error) { return l.tunnel(ctx, to) }))
	if err != nil {
		return nil, nil, err
	}
	s, err := discovery.NewAggregatedDiscoveryServiceClient(conn).DeltaAggregatedResources(ctx, grpc.WaitForReady(true))
	call := func(n int64) error {
		want := fmt.Sprint(n)
		if err := s.Send(&discovery.DeltaDiscoveryRequest{TypeUrl: want}); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		res, err := s.Recv()
		if err == nil && res.GetTypeUrl() != want {
			err = fmt.Errorf("answered %q", res.GetTypeUrl())
		}
		return err
	}
	return call, func() { conn.Close() }, err
}

// tcp echoes over one connection, or over one each.
func (l *load) tcp(kept bool) func(context.Context) (func(int64) error, func(), error) {
	return func(ctx context.Context) (func(int64) error, func(), error) {
		var conn net.Conn
		var err error
		if kept {
			conn, err = l.tunnel(ctx, "cart:3306")
		}
		call := func(n int64) error {
			on := conn
			if !kept {
				if on, err = l.tunnel(ctx, "cart:3306"); err != nil {
					return err
				}
				defer on.Close()
			}
			want := fmt.Sprintf("%9d\n", n)
			on.SetDeadline(time.Now().Add(10 * time.Second))
			if _, err := io.WriteString(on, want); err != nil {
				return err
			}
			got := make([]byte, len(want))
			if _, err := io.ReadFull(on, got); err != nil {
				return err
			}
			if string(got) != want {
				return fmt.Errorf("answered %q", got)
			}
			return nil
		}
		return call, func() {
			if conn != nil {
				conn.Close()
			}
		}, err
	}
}

// tunnel opens one through the caller's proxy.
func (l *load) tunnel(ctx context.Context, to string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", l.proxy)
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", to, to); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	in := bufio.NewReader(conn)
	res, err := http.ReadResponse(in, &http.Request{Method: http.MethodConnect})
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("CONNECT %s: %s", to, res.Status)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &tunneled{conn, in}, nil
}

// tunneled reads what came with the proxy's answer first.
type tunneled struct {
	net.Conn
	in *bufio.Reader
}

// Read implements net.Conn.
func (t *tunneled) Read(p []byte) (int, error) { return t.in.Read(p) }
