package harness

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/krater-mesh/krater/xds/serve"
)

// Plane is a control plane for real Envoys: a delta ADS server on a socket.
type Plane struct {
	Socket string // "unix:PATH"
	server *serve.Server
	events chan serve.Event
	edits  int
}

// NewPlane starts one. It serves one Publish at a time.
func NewPlane(t testing.TB) *Plane {
	t.Helper()
	dir, err := os.MkdirTemp("", "krater")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "ads.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	p := &Plane{Socket: "unix:" + path, events: make(chan serve.Event, 1000)}
	p.server = serve.New(serve.Options{Observe: func(e serve.Event) {
		if e.Kind == serve.EventNacked || e.Kind == serve.EventSettled {
			p.events <- e
		}
	}})
	rpc := grpc.NewServer(serve.GRPCOptions()...)
	p.server.Register(rpc)
	go rpc.Serve(l)
	t.Cleanup(func() { rpc.Stop(); os.RemoveAll(dir) })
	return p
}

// Offer gives a node its set, without waiting: it may not have started.
func (p *Plane) Offer(t testing.TB, node string, set serve.Set) (edit string) {
	t.Helper()
	p.edits++
	edit = fmt.Sprintf("edit %d", p.edits)
	if err := p.server.Publish(node, set, serve.Cause{Edit: edit, Context: context.Background()}); err != nil {
		t.Fatal(err)
	}
	return edit
}

// Publish gives a running node its set, and waits until the node has it all
// but for what it refused: that is returned.
func (p *Plane) Publish(t testing.TB, node string, set serve.Set) (refused []serve.Event) {
	t.Helper()
	return p.settled(t, node, p.Offer(t, node, set))
}

func (p *Plane) settled(t testing.TB, node, edit string) (refused []serve.Event) {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		select {
		case e := <-p.events:
			switch {
			case e.Node != node:
			case e.Kind == serve.EventNacked:
				refused = append(refused, e)
			case slices.ContainsFunc(e.Causes, func(c serve.Cause) bool { return c.Edit == edit }):
				return refused
			}
		case <-deadline:
			t.Fatalf("%s did not settle within a minute: %+v", node, p.server.Status())
		}
	}
}

// Stat reads one of the proxy's counters or gauges; "" if it has none.
func (e *Envoy) Stat(t testing.TB, name string) string {
	t.Helper()
	res, err := http.Get(e.Admin + "/stats?filter=^" + name + "$")
	if err != nil {
		t.Fatalf("reading %s: %v", name, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("reading %s: %v", name, err)
	}
	return strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(string(body)), name+":"))
}
