package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"golang.org/x/sync/errgroup"

	// What listeners hold: it is read to find the names in it.
	_ "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/filter_chain/v3"
)

// fleet is all simulated proxies, and what they have acknowledged since the
// last edit.
type fleet struct {
	proxies []*proxy
	group   *errgroup.Group
	failed  context.Context

	mu    sync.Mutex
	names map[string]string // one copy of each
	want  arrival
	have  map[*proxy]bool
	last  time.Time     // of any acknowledgement
	woken chan struct{} // something was acknowledged
}

// connect starts a proxy for each node, a few at a time.
func connect(ctx context.Context, socket string, nodes []string, want arrival) *fleet {
	f := &fleet{want: want, names: map[string]string{}, have: map[*proxy]bool{}, woken: make(chan struct{}, 1)}
	f.group, f.failed = errgroup.WithContext(ctx)
	for i, node := range nodes {
		p := &proxy{node: node, fleet: f}
		f.proxies = append(f.proxies, p)
		f.group.Go(func() error {
			select {
			case <-time.After(time.Duration(i) * 2 * time.Millisecond):
			case <-f.failed.Done():
				return f.failed.Err()
			}
			return p.run(f.failed, socket)
		})
	}
	return f
}

// intern gives one copy of a name, however many proxies have it.
func (f *fleet) intern(name string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if same, ok := f.names[name]; ok {
		return same
	}
	name = strings.Clone(name)
	f.names[name] = name
	return name
}

// expect begins an edit.
func (f *fleet) expect(want arrival) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.want, f.have = want, map[*proxy]bool{}
}

func (f *fleet) acknowledged(p *proxy, res *discovery.DeltaDiscoveryResponse, at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last = at
	if res.GetTypeUrl() == f.want.typeURL && !f.have[p] {
		for _, r := range res.GetResources() {
			if f.want.name(r.GetName()) {
				f.have[p] = true
				break
			}
		}
	}
	select {
	case f.woken <- struct{}{}:
	default:
	}
}

// arrived waits until every proxy that is concerned has the edit and all is
// quiet, and gives the time of the last acknowledgement.
func (f *fleet) arrived(ctx context.Context, quiet, limit time.Duration) (time.Time, error) {
	end := time.After(limit)
	for {
		f.mu.Lock()
		have, want, last := len(f.have), f.want.proxies, f.last
		f.mu.Unlock()
		var rest <-chan time.Time
		if have >= want {
			if time.Since(last) >= quiet {
				return last, nil
			}
			rest = time.After(quiet - time.Since(last))
		}
		select {
		case <-f.woken:
		case <-rest:
		case <-end:
			return last, fmt.Errorf("%d of %d proxies had it after %v", have, want, limit)
		case <-f.failed.Done():
			return last, fmt.Errorf("a proxy failed: %w", f.group.Wait())
		case <-ctx.Done():
			return last, ctx.Err()
		}
	}
}

// received is the bytes that each proxy has received so far.
func (f *fleet) received() []int64 {
	out := make([]int64, len(f.proxies))
	for i, p := range f.proxies {
		out[i] = p.bytes.Load()
	}
	return out
}

// since is what each proxy has received after an earlier moment; nil is the
// beginning.
func (f *fleet) since(earlier []int64) []float64 {
	out := make([]float64, len(f.proxies))
	for i, n := range f.received() {
		if earlier != nil {
			n -= earlier[i]
		}
		out[i] = float64(n)
	}
	return out
}
