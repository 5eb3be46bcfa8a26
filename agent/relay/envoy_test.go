package relay

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"go.uber.org/goleak"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/xds/serve"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// node is the proxy of these tests.
const node = "shop/cart-v1"

// plane is a control plane that can be away.
type plane struct {
	t      testing.TB
	target string
	mu     sync.Mutex
	rpc    *grpc.Server
	set    serve.Set
	server *serve.Server
	events []serve.Event
}

func newPlane(t testing.TB, dir string) *plane {
	p := &plane{t: t, target: "unix:" + filepath.Join(dir, "xds.sock")}
	t.Cleanup(p.stop)
	return p
}

func (p *plane) start() {
	p.t.Helper()
	l, err := net.Listen("unix", strings.TrimPrefix(p.target, "unix:"))
	if err != nil {
		p.t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false) // it may close after the next one opened
	p.server = serve.New(serve.Options{Observe: func(e serve.Event) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.events = append(p.events, e)
	}})
	p.rpc = grpc.NewServer(serve.GRPCOptions()...)
	p.server.Register(p.rpc)
	if p.set != nil {
		p.publish(p.set)
	}
	go p.rpc.Serve(l)
}

func (p *plane) stop() {
	if p.rpc != nil {
		p.rpc.Stop()
		p.rpc = nil
		_ = os.Remove(strings.TrimPrefix(p.target, "unix:"))
	}
}

func (p *plane) publish(set serve.Set) {
	p.t.Helper()
	p.set = set
	if p.rpc == nil {
		return
	}
	if err := p.server.Publish(node, set, serve.Cause{Edit: "edit", Context: context.Background()}); err != nil {
		p.t.Fatal(err)
	}
}

func (p *plane) nacked() (out []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.events {
		if e.Kind == serve.EventNacked {
			out = append(out, fmt.Sprintf("%v: %s", e.Names, e.Detail))
		}
	}
	return out
}

// relayAt runs a relay until the test ends, or stop is called.
func relayAt(t testing.TB, o Options) (target string, r *Relay, stop func()) {
	t.Helper()
	o.Node = &corev3.Node{Id: node}
	o.Backoff = func(int) time.Duration { return 10 * time.Millisecond }
	if o.Quiet == 0 {
		o.Quiet = 30 * time.Millisecond
	}
	path := filepath.Join(t.TempDir(), "ads.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	r = New(o)
	rpc := grpc.NewServer()
	r.Register(rpc)
	go rpc.Serve(l)
	stop = sync.OnceFunc(rpc.Stop)
	t.Cleanup(stop)
	return "unix:" + path, r, stop
}

// envoy acts as an Envoy does: it subscribes to clusters and listeners, and by
// name to what these refer to. It refuses resources whose version in bad.
type envoy struct {
	t      testing.TB
	cancel context.CancelFunc
	done   chan struct{}
	stream discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesClient

	mu    sync.Mutex
	has   map[string]map[string]string // by type: name → text
	want  map[string]map[string]bool
	told  map[string]map[string]bool // names that were answered
	sent  map[string]bool
	err   error
	heard map[string]bool // types of which anything came
	// noted is the text of extensions that came, refused ones too.
	noted map[string]string
}

func startEnvoy(t testing.TB, target string) *envoy {
	t.Helper()
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	e := &envoy{t: t, cancel: cancel, done: make(chan struct{}), has: map[string]map[string]string{},
		want: map[string]map[string]bool{}, told: map[string]map[string]bool{}, sent: map[string]bool{}, noted: map[string]string{}, heard: map[string]bool{}}
	if e.stream, err = discoveryv3.NewAggregatedDiscoveryServiceClient(conn).DeltaAggregatedResources(ctx); err != nil {
		t.Fatal(err)
	}
	e.send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: typeCluster, Node: &corev3.Node{Id: "whoever", UserAgentName: "envoy"}})
	go func() {
		defer close(e.done)
		defer conn.Close()
		e.run()
	}()
	t.Cleanup(e.kill)
	return e
}

func (e *envoy) kill() { e.cancel(); <-e.done }

func (e *envoy) send(req *discoveryv3.DeltaDiscoveryRequest) {
	e.sent[req.TypeUrl] = true
	_ = e.stream.Send(req)
}

func (e *envoy) run() {
	for {
		res, err := e.stream.Recv()
		if err != nil {
			e.mu.Lock()
			e.err = err
			e.mu.Unlock()
			return
		}
		e.take(res)
	}
}

func (e *envoy) answered(typeURL string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.heard[typeURL]
}

// take applies a response, answers it, and asks for what it refers to.
func (e *envoy) take(res *discoveryv3.DeltaDiscoveryResponse) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard[res.TypeUrl] = true
	answer := &discoveryv3.DeltaDiscoveryRequest{TypeUrl: res.TypeUrl, ResponseNonce: res.Nonce}
	for _, r := range res.Resources {
		if res.TypeUrl == typeExtension { // Envoy notes it before it makes it: the same again is no change
			if e.noted[r.Name] == text(r) {
				continue
			}
			e.noted[r.Name] = text(r)
		}
		if strings.Contains(text(r), "bad") {
			answer.ErrorDetail = &rpcstatus.Status{Code: 3, Message: r.Name + " is bad"}
		}
	}
	if answer.ErrorDetail == nil {
		for _, r := range res.Resources {
			if !e.wants(res.TypeUrl, r.Name) {
				continue
			}
			set(e.has, res.TypeUrl, r.Name, text(r))
			set(e.told, res.TypeUrl, r.Name, true)
		}
		for _, name := range res.RemovedResources {
			delete(e.has[res.TypeUrl], name)
			set(e.told, res.TypeUrl, name, true)
		}
	}
	e.send(answer)
	switch res.TypeUrl {
	case typeCluster:
		e.follow(typeEndpoint, typeCluster, func(name string) string { return name })
		if !e.sent[typeListener] {
			e.send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: typeListener})
		}
	case typeListener:
		e.follow(typeExtension, typeListener, func(name string) string { return name + "/slot" })
		e.follow(typeRoutes, typeListener, func(name string) string { return name + "/routes" })
		if !e.sent[typeVirtualHost] {
			e.send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: typeVirtualHost})
		}
	}
}

// wants tells whether a resource is subscribed to still.
func (e *envoy) wants(typeURL, name string) bool {
	switch typeURL {
	case typeCluster, typeListener:
		return true
	case typeVirtualHost:
		return e.want[typeRoutes][routesOf(name)]
	}
	return e.want[typeURL][name]
}

// follow subscribes to a name of one type for each resource of another.
func (e *envoy) follow(typeURL, of string, named func(string) string) {
	now := map[string]bool{}
	for name := range e.has[of] {
		now[named(name)] = true
	}
	req := &discoveryv3.DeltaDiscoveryRequest{TypeUrl: typeURL}
	for name := range now {
		if !e.want[typeURL][name] {
			req.ResourceNamesSubscribe = append(req.ResourceNamesSubscribe, name)
		}
	}
	for name := range e.want[typeURL] {
		if !now[name] {
			req.ResourceNamesUnsubscribe = append(req.ResourceNamesUnsubscribe, name)
			delete(e.has[typeURL], name)
			if typeURL == typeRoutes {
				maps.DeleteFunc(e.has[typeVirtualHost], func(host, _ string) bool { return routesOf(host) == name })
			}
		}
	}
	e.want[typeURL] = now
	if len(req.ResourceNamesSubscribe)+len(req.ResourceNamesUnsubscribe) > 0 {
		e.send(req)
	}
}

// difference tells how what Envoy has differs from a set, "" if not.
func (e *envoy) difference(s serve.Set) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err != nil {
		return e.err.Error()
	}
	for typeURL, all := range s {
		for name, m := range all {
			if got := e.has[typeURL][name]; got != textOf(m) {
				return fmt.Sprintf("%s %s is %q, want %q", short(typeURL), name, got, textOf(m))
			}
		}
		for name := range e.has[typeURL] {
			if all[name] == nil {
				return fmt.Sprintf("%s %s is there still", short(typeURL), name)
			}
		}
	}
	for typeURL, all := range e.want {
		for name := range all {
			if !e.told[typeURL][name] {
				return fmt.Sprintf("%s %s was never answered", short(typeURL), name)
			}
		}
	}
	return ""
}

func set[T any](m map[string]map[string]T, typeURL, name string, v T) {
	if m[typeURL] == nil {
		m[typeURL] = map[string]T{}
	}
	m[typeURL][name] = v
}

func text(r *discoveryv3.Resource) string {
	m, err := r.Resource.UnmarshalNew()
	if err != nil {
		return err.Error()
	}
	return textOf(m)
}

func textOf(m proto.Message) string { return fmt.Sprint(m) }

func eventually(t testing.TB, what string, wrong func() string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		last := wrong()
		if last == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %s", what, last)
		}
	}
}

// drawn is a random set: some services, each with a cluster, a listener and
// what these refer to, but for what one or the other never has.
func drawn(r *rand.Rand) serve.Set {
	s := serve.Set{typeCluster: {}, typeEndpoint: {}, typeListener: {}, typeExtension: {}, typeRoutes: {}, typeVirtualHost: {}}
	for i := range 1 + r.IntN(5) {
		if r.IntN(3) == 0 {
			continue
		}
		name := fmt.Sprintf("s%d", i)
		s[typeCluster][name] = cluster(name, r.IntN(3))
		s[typeListener][name] = listener(name, r.IntN(2))
		if i != 3 {
			s[typeEndpoint][name] = endpoints(name, r.IntN(4))
		}
		if i != 2 {
			s[typeExtension][name+"/slot"] = &corev3.TypedExtensionConfig{Name: fmt.Sprintf("%s/slot %d", name, r.IntN(3))}
		}
		s[typeRoutes][name+"/routes"] = &routev3.RouteConfiguration{Name: name + "/routes", Vhds: &routev3.Vhds{}}
		for h := range r.IntN(3) {
			host := fmt.Sprintf("%s/routes/h%d", name, h)
			s[typeVirtualHost][host] = &routev3.VirtualHost{Name: host, Domains: []string{fmt.Sprint(r.IntN(3))}}
		}
	}
	return s
}

func cluster(name string, n int) proto.Message {
	return &clusterv3.Cluster{Name: name, AltStatName: fmt.Sprint(n), EdsClusterConfig: &clusterv3.Cluster_EdsClusterConfig{}}
}

func listener(name string, n int) proto.Message {
	return &listenerv3.Listener{Name: name, StatPrefix: fmt.Sprint(n)}
}

func endpoints(name string, n int) proto.Message {
	return &endpointv3.ClusterLoadAssignment{ClusterName: name, Policy: &endpointv3.ClusterLoadAssignment_Policy{
		OverprovisioningFactor: wrapperspb.UInt32(uint32(n + 1))}}
}

// shortDir is a folder whose name leaves room for sockets.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "kr")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
