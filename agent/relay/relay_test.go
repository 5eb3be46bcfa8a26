package relay

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/krater-mesh/krater/xds/serve"
)

// one is a small set; each number has another listener.
func one(n int) serve.Set {
	return serve.Set{
		typeCluster: {"s": cluster("s", n)}, typeListener: {"s": listener("s", n)}, typeEndpoint: {"s": endpoints("s", n)},
		typeRoutes: {}, typeExtension: {}, typeVirtualHost: {},
	}
}

// kept waits until a folder holds a set.
func kept(t *testing.T, dir string, s serve.Set) {
	t.Helper()
	eventually(t, "the last good configuration on disk", func() string {
		g := load(dir, node, slog.New(slog.DiscardHandler))
		for typeURL, all := range s {
			for name, m := range all {
				r := g.types[typeURL][name]
				if r == nil || text(r) != textOf(m) {
					return fmt.Sprintf("%s %s is not there", short(typeURL), name)
				}
			}
			if extra := len(g.types[typeURL]) - len(all); extra > 0 {
				return fmt.Sprintf("%d of %s more than there should be", extra, short(typeURL))
			}
		}
		return ""
	})
}

// TestRandomLives: edits, and a control plane, Envoys and agents that come and
// go in any order. With the control plane there, Envoy has what is published;
// with it away, an Envoy that starts has what the one before it had.
func TestRandomLives(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 4))
			dir := shortDir(t)
			p := newPlane(t, dir)
			current := drawn(random)
			p.publish(current)
			p.start()
			o := Options{ControlPlane: p.target, Dir: filepath.Join(dir, "good"), Patience: 5 * time.Second}
			target, _, stop := relayAt(t, o)
			e := startEnvoy(t, target)
			last, quiet := current, false // what Envoy had when it was quiet
			for step := range 25 {
				did := ""
				switch random.IntN(5) {
				case 0, 1:
					did, current = "edit", drawn(random)
					p.publish(current)
				case 2:
					did = "control plane"
					if p.rpc == nil {
						p.start()
					} else {
						p.stop()
					}
				case 3:
					did = "envoy"
					e.kill()
					e = startEnvoy(t, target)
				case 4:
					did = "agent"
					stop()
					e.kill()
					target, _, stop = relayAt(t, o)
					e = startEnvoy(t, target)
				}
				what := fmt.Sprintf("step %d, %s (control plane there: %v)", step, did, p.rpc != nil)
				t.Log(what)
				switch {
				case p.rpc != nil && random.IntN(3) == 0:
					quiet = false // the next step comes at once
				case p.rpc != nil:
					quiet, last = true, current
					eventually(t, what, func() string { return e.difference(last) })
					kept(t, o.Dir, last)
				case quiet: // else it went before it was known what Envoy has
					eventually(t, what, func() string { return e.difference(last) })
				}
			}
		})
	}
}

func TestARefusalGoesToTheControlPlaneAndTheLastGoodIsKept(t *testing.T) {
	dir := shortDir(t)
	p := newPlane(t, dir)
	p.publish(one(1))
	p.start()
	o := Options{ControlPlane: p.target, Dir: filepath.Join(dir, "good")}
	target, _, _ := relayAt(t, o)
	e := startEnvoy(t, target)
	kept(t, o.Dir, one(1))

	bad := one(2)
	bad[typeListener] = map[string]proto.Message{"s": &listenerv3.Listener{Name: "s", StatPrefix: "bad"}}
	p.publish(bad)
	eventually(t, "the control plane hears of the refusal", func() string {
		if all := p.nacked(); len(all) == 0 || !strings.Contains(all[0], "s is bad") {
			return fmt.Sprint(all)
		}
		return ""
	})
	want := one(2)
	want[typeListener] = one(1)[typeListener]
	eventually(t, "the last good listener stays", func() string { return e.difference(want) })
	kept(t, o.Dir, want)

	// An Envoy that starts while the bad one is published has the good one, too.
	e.kill()
	e = startEnvoy(t, target)
	eventually(t, "the last good listener after a restart", func() string { return e.difference(want) })
	kept(t, o.Dir, want)

	gone := one(2)
	gone[typeListener], gone[typeCluster], gone[typeEndpoint] = nil, map[string]proto.Message{}, map[string]proto.Message{}
	gone[typeListener] = map[string]proto.Message{}
	p.publish(gone)
	eventually(t, "the listener goes when it is taken away", func() string { return e.difference(gone) })
}

// TestAFileThatIsNotOursIsAskedAnew: of another node, cut off or changed.
func TestAFileThatIsNotOursIsAskedAnew(t *testing.T) {
	for what, spoil := range map[string]func(text []byte) []byte{
		"another node's": func(text []byte) []byte { return bytes.Replace(text, []byte(node), []byte("shop/cart-v2"), 1) },
		"cut off":        func(text []byte) []byte { return text[:len(text)-3] },
		"changed":        func(text []byte) []byte { return bytes.Replace(text, []byte("s"), []byte("t"), -1) },
		"empty":          func([]byte) []byte { return nil },
	} {
		t.Run(what, func(t *testing.T) {
			dir := shortDir(t)
			p := newPlane(t, dir)
			p.publish(one(1))
			p.start()
			o := Options{ControlPlane: p.target, Dir: filepath.Join(dir, "good")}
			target, _, stop := relayAt(t, o)
			e := startEnvoy(t, target)
			kept(t, o.Dir, one(1))
			e.kill()
			stop()
			p.stop()

			file := filepath.Join(o.Dir, fileName(typeListener))
			good, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, spoil(good), 0o600); err != nil {
				t.Fatal(err)
			}
			var said bytes.Buffer
			o.Logger = slog.New(slog.NewTextHandler(&said, nil))
			if g := load(o.Dir, node, o.Logger); g.types[typeListener] != nil || !strings.Contains(said.String(), file) {
				t.Fatalf("the file is used, or nothing is said: %s", &said)
			}
			o.Logger = nil
			target, _, _ = relayAt(t, o)
			e = startEnvoy(t, target)
			clusters := serve.Set{typeCluster: one(1)[typeCluster], typeListener: {}}
			eventually(t, "what can be read is used", func() string { return e.difference(clusters) })
			if e.answered(typeListener) {
				t.Error("listeners that could not be read were answered as none")
			}
			p.start()
			eventually(t, "the rest is asked for", func() string { return e.difference(one(1)) })
			kept(t, o.Dir, one(1))
		})
	}
}

func TestTheFilesAreTheirUsersOnly(t *testing.T) {
	dir := shortDir(t)
	p := newPlane(t, dir)
	p.publish(one(1))
	p.start()
	o := Options{ControlPlane: p.target, Dir: filepath.Join(dir, "good")}
	target, _, _ := relayAt(t, o)
	startEnvoy(t, target)
	kept(t, o.Dir, one(1))
	for _, name := range []string{".", fileName(typeListener), fileName(typeCluster)} {
		info, err := os.Stat(filepath.Join(o.Dir, name))
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is %v, %v", name, info.Mode(), err)
		}
	}
}

// TestASilentControlPlaneIsNotWaitedFor: it takes connections and says nothing.
func TestASilentControlPlaneIsNotWaitedFor(t *testing.T) {
	dir := shortDir(t)
	p := newPlane(t, dir)
	p.publish(one(1))
	p.start()
	o := Options{ControlPlane: p.target, Dir: filepath.Join(dir, "good"), Patience: 100 * time.Millisecond}
	target, _, stop := relayAt(t, o)
	e := startEnvoy(t, target)
	kept(t, o.Dir, one(1))
	stop()
	e.kill()
	p.stop()

	silent, err := net.Listen("unix", strings.TrimPrefix(p.target, "unix:"))
	if err != nil {
		t.Fatal(err)
	}
	rpc := grpc.NewServer()
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(rpc, silence{})
	go rpc.Serve(silent)
	target, _, _ = relayAt(t, o)
	e = startEnvoy(t, target)
	eventually(t, "the last good configuration", func() string { return e.difference(one(1)) })
	rpc.Stop()

	// What went away meanwhile goes from Envoy, too, though that was told nothing.
	p.publish(serve.Set{typeCluster: {}, typeListener: {}})
	p.start()
	eventually(t, "the new one", func() string { return e.difference(p.set) })
}

type silence struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer
}

// DeltaAggregatedResources implements the service.
func (silence) DeltaAggregatedResources(s discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	<-s.Context().Done()
	return nil
}

// slow says nothing for a while, and then all at once.
type slow struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer
	server  *serve.Server
	patient chan struct{}
}

// DeltaAggregatedResources implements the service.
func (s slow) DeltaAggregatedResources(rpc discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	select {
	case <-s.patient:
	case <-rpc.Context().Done():
	}
	return s.server.DeltaAggregatedResources(rpc)
}

// TestASlowControlPlaneTakesAwayWhatIsGone, also of what Envoy was given
// meanwhile from disk, on a stream that was asked before.
func TestASlowControlPlaneTakesAwayWhatIsGone(t *testing.T) {
	dir := shortDir(t)
	p := newPlane(t, dir)
	p.publish(one(1))
	p.start()
	o := Options{ControlPlane: p.target, Dir: filepath.Join(dir, "good"), Patience: 50 * time.Millisecond}
	target, _, stop := relayAt(t, o)
	e := startEnvoy(t, target)
	kept(t, o.Dir, one(1))
	stop()
	e.kill()
	p.stop()

	gone := serve.Set{typeCluster: {}, typeListener: {}}
	s := slow{server: serve.New(serve.Options{}), patient: make(chan struct{})}
	if err := s.server.Publish(node, gone, serve.Cause{}); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", strings.TrimPrefix(p.target, "unix:"))
	if err != nil {
		t.Fatal(err)
	}
	rpc := grpc.NewServer(serve.GRPCOptions()...)
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(rpc, s)
	go rpc.Serve(l)
	defer rpc.Stop()
	target, _, _ = relayAt(t, o)
	e = startEnvoy(t, target)
	eventually(t, "the last good configuration", func() string { return e.difference(one(1)) })
	close(s.patient)
	eventually(t, "the new one", func() string { return e.difference(gone) })
}

func TestHoldKeepsTheDiskAsItIs(t *testing.T) {
	dir := shortDir(t)
	p := newPlane(t, dir)
	p.publish(one(1))
	p.start()
	o := Options{ControlPlane: p.target, Dir: filepath.Join(dir, "good")}
	target, r, _ := relayAt(t, o)
	e := startEnvoy(t, target)
	kept(t, o.Dir, one(1))
	r.Hold()
	p.publish(one(2))
	eventually(t, "the edit", func() string { return e.difference(one(2)) })
	time.Sleep(5 * r.o.Quiet) // nothing is to happen in it
	kept(t, o.Dir, one(1))
}

func TestAnEditNeedsNoReload(t *testing.T) {
	dir := shortDir(t)
	p := newPlane(t, dir)
	p.publish(one(1))
	p.start()
	var renewed atomic.Pointer[chan struct{}]
	renew := func() (old *chan struct{}) { next := make(chan struct{}); return renewed.Swap(&next) }
	renew()
	o := Options{ControlPlane: p.target, Dir: filepath.Join(dir, "good"), Renewed: func() <-chan struct{} { return *renewed.Load() }}
	target, _, _ := relayAt(t, o)
	e := startEnvoy(t, target)
	for n := range 5 {
		eventually(t, "the edit", func() string { return e.difference(one(1 + n)) })
		if n == 2 {
			close(*renew()) // the link is begun anew under Envoy
		} else {
			p.stop()
			p.start()
		}
		p.publish(one(2 + n))
	}
	eventually(t, "the last edit", func() string { return e.difference(one(6)) })
}
