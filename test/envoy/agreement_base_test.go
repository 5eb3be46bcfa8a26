package envoy_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	accesslogdata "github.com/envoyproxy/go-control-plane/envoy/data/accesslog/v3"
	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/service/accesslog/v3"
	"google.golang.org/grpc"
	"sigs.k8s.io/yaml"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
)

// agreement compares what explain says with what one real Envoy does, which
// gets each drawn configuration over ADS.
type agreement struct {
	*world
	t         *testing.T
	plane     *servePlane
	wires     *wires
	log       *recordsByID
	published int
	sent      int
}

// newAgreement starts page's proxy, reachable on ports 9080 and 9081.
func newAgreement(t *testing.T) *agreement {
	a := &agreement{world: newWorld(t), t: t, log: &recordsByID{got: map[string]*accesslogdata.HTTPAccessLogEntry{}}}
	a.snap.Mesh.AccessLog, a.snap.Mesh.TrustDomain = true, harness.TrustDomain
	app := serveRaw(t)
	page := &a.snap.Workloads[0]
	page.Ports = []model.WorkloadPort{
		{Number: 9080, AppPort: app, Name: "http", Protocol: model.HTTP}, {Number: 9081, AppPort: app, Name: "other", Protocol: model.HTTP}}
	dir, err := os.MkdirTemp("", "kr")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "als.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	accesslogv3.RegisterAccessLogServiceServer(server, a.log)
	go server.Serve(l)
	t.Cleanup(server.Stop)
	authority := harness.SharedAuthority(t)
	own := authority.Issue(t, *page, nil)
	for _, domain := range callerDomains {
		own.Bundles[domain] = authority.Root
	}
	a.plane, _ = translatePlaneAs(t, a.resources(), socket, harness.ServeIdentity(t, own))
	a.wires = newWires(t, page.Address)
	a.wires.certificate = certificates(t, authority)
	return a
}

// publish sends the world as it is, and waits until the proxy has it.
func (a *agreement) publish() {
	a.t.Helper()
	a.published++
	mark := a.plane.mark()
	a.plane.publish(fmt.Sprintf("draw %d", a.published), a.resources().Set())
	if refused, _ := a.plane.since(mark, "nacked"); len(refused) > 0 {
		a.t.Fatalf("the proxy refuses what was drawn: %+v", refused)
	}
	a.plane.forget()
}

// forget drops the events so far: there are many.
func (p *servePlane) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = nil
}

// nextID names the next request in x-request-id, which the proxy keeps.
func (a *agreement) nextID() string {
	a.sent++
	return fmt.Sprintf("drawn-%d", a.sent)
}

// recordsByID is an access log service that keeps each request's record.
type recordsByID struct {
	accesslogv3.UnimplementedAccessLogServiceServer
	mu  sync.Mutex
	got map[string]*accesslogdata.HTTPAccessLogEntry
	// connections are those of which no request was seen.
	connections []*accesslogdata.TCPAccessLogEntry
}

// StreamAccessLogs implements the service.
func (r *recordsByID) StreamAccessLogs(s accesslogv3.AccessLogService_StreamAccessLogsServer) error {
	for {
		m, err := s.Recv()
		if err != nil {
			return err
		}
		r.mu.Lock()
		for _, e := range m.GetHttpLogs().GetLogEntry() {
			r.got[e.GetRequest().GetRequestId()] = e
		}
		r.connections = append(r.connections, m.GetTcpLogs().GetLogEntry()...)
		r.mu.Unlock()
	}
}

// of waits for a request's record.
func (r *recordsByID) of(t *testing.T, id string) (found *accesslogdata.HTTPAccessLogEntry) {
	t.Helper()
	harness.Until(t, 20*time.Second, "the record of "+id, func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if found = r.got[id]; found == nil {
			return fmt.Errorf("%d records", len(r.got))
		}
		return nil
	})
	return found
}

// take is of, and forgets the record.
func (r *recordsByID) take(t *testing.T, id string) *accesslogdata.HTTPAccessLogEntry {
	t.Helper()
	e := r.of(t, id)
	r.mu.Lock()
	delete(r.got, id)
	r.mu.Unlock()
	return e
}

// draws is how many configurations to draw: $KRATER_DRAWS, or the given number.
func draws(t *testing.T, otherwise int) int {
	return int(number(t, "KRATER_DRAWS", int64(otherwise)))
}

// seed begins the draws: $KRATER_SEED, or always the same.
func seed(t *testing.T) uint64 { return uint64(number(t, "KRATER_SEED", 1)) }

func number(t *testing.T, variable string, otherwise int64) int64 {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}

// drawer draws: the same numbers give the same draws.
type drawer struct{ *rand.Rand }

func newDrawer(seed uint64, i int) drawer { return drawer{rand.New(rand.NewPCG(seed, uint64(i)))} }

// of gives one of the texts.
func (d drawer) of(texts ...string) string { return texts[d.IntN(len(texts))] }

// chance is true so many times of a hundred.
func (d drawer) chance(percent int) bool { return d.IntN(100) < percent }

// some gives one to n of the texts.
func (d drawer) some(n int, texts ...string) []any {
	var out []any
	for range 1 + d.IntN(n) {
		out = append(out, d.of(texts...))
	}
	return out
}

// entries reads declared objects; ok is false where some is refused.
func entries(t *testing.T, objects []any) (out []crds.Content, ok bool) {
	t.Helper()
	for _, o := range objects {
		parsed, _, problems := crds.Parse("drawn.yaml", []byte(asYAML(t, o)))
		if problems.HasErrors() || len(parsed) != 1 {
			return nil, false
		}
		e, problems := crds.Convert(parsed[0], crds.Options{})
		if problems.HasErrors() {
			return nil, false
		}
		out = append(out, e.Content)
	}
	return out, true
}

func asYAML(t *testing.T, v any) string {
	t.Helper()
	b, err := yaml.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
