// Package rotation_test changes certificates and roots under real Envoys that
// never stop serving.
package rotation_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/krater-mesh/krater/agent"
	"github.com/krater-mesh/krater/agent/sds"
	"github.com/krater-mesh/krater/cmd/krater/stages"
	"github.com/krater-mesh/krater/identity"
	"github.com/krater-mesh/krater/identity/authority"
	"github.com/krater-mesh/krater/identity/keeper"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/xds/translate"
)

// world is an authority, and two workloads with their keepers and Envoys.
type world struct {
	t         *testing.T
	authority *authority.Authority
	ttl       time.Duration // of certificates: they are renewed at half of it
	target    string        // where the authority is
	snapshot  *model.Snapshot
	envoys    map[string]*harness.Envoy
	keepers   map[string]*keeper.Keeper
}

func newWorld(t *testing.T, ttl time.Duration) *world {
	w := &world{t: t, ttl: ttl, envoys: map[string]*harness.Envoy{}, keepers: map[string]*keeper.Keeper{}}
	w.serve()
	result := w.build()
	w.snapshot = result.Snapshot
	plane := harness.NewPlane(t)
	for _, workload := range w.snapshot.Workloads {
		resources, problems := translate.Translate(result.Snapshot, result.Endpoints, workload, translate.Options{ModuleDir: t.TempDir()})
		if problems.HasErrors() {
			t.Fatal(problems)
		}
		plane.Offer(t, workload.ID(), resources.Set())
		w.run(plane, workload)
	}
	return w
}

// serve opens the authority's folder, and a socket for keepers.
func (w *world) serve() {
	w.t.Helper()
	a, err := authority.Open(authority.Options{Dir: filepath.Join(w.t.TempDir(), "ca"), TrustDomain: harness.TrustDomain, MaxTTL: w.ttl})
	if err != nil {
		w.t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "krater")
	if err != nil {
		w.t.Fatal(err)
	}
	path := filepath.Join(dir, "agents.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		w.t.Fatal(err)
	}
	g := grpc.NewServer(grpc.Creds(credentials.NewTLS(a.ServerTLS())))
	a.Register(g)
	go g.Serve(l)
	w.t.Cleanup(func() { g.Stop(); a.Close(); os.RemoveAll(dir) })
	w.authority, w.target = a, "unix:"+path
}

// build takes mesh.yaml through the control plane's stages.
func (w *world) build() stages.Result {
	w.t.Helper()
	text, err := os.ReadFile("mesh.yaml")
	if err != nil {
		w.t.Fatal(err)
	}
	file := filepath.Join(w.t.TempDir(), "mesh.yaml")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(string(text), "127.80.", network(w.t))), 0o600); err != nil {
		w.t.Fatal(err)
	}
	st, err := stages.Open([]string{file}, "", w.t.TempDir())
	if err != nil {
		w.t.Fatal(err)
	}
	result, err := st.Run(w.t.Context())
	if err != nil || result.Problems.HasErrors() {
		w.t.Fatal(err, result.Problems)
	}
	return result
}

// network gives the beginning of loopback addresses that nobody uses.
func network(t *testing.T) string {
	t.Helper()
	for n := 81; n < 250; n++ {
		if l, err := net.Listen("tcp", fmt.Sprintf("127.%d.0.2:%d", n, agent.AdminPort)); err == nil {
			l.Close()
			return fmt.Sprintf("127.%d.", n)
		}
	}
	t.Fatal("no free loopback network")
	return ""
}

// run runs a workload's keeper, with a token of its own, and its Envoy, with
// what the keeper has.
func (w *world) run(plane *harness.Plane, workload model.Workload) {
	w.t.Helper()
	token, _, err := w.authority.Mint(authority.Grant{Workload: workload.ID(), ServiceAccount: workload.ServiceAccount, Once: true})
	if err != nil {
		w.t.Fatal(err)
	}
	dir := w.t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "token"), []byte(token), 0o600); err != nil {
		w.t.Fatal(err)
	}
	k, err := keeper.Open(keeper.Options{Dir: filepath.Join(dir, "identity"), Server: w.target, TrustDomain: harness.TrustDomain,
		Roots: w.authority.Bundle().PEM(), TokenFile: filepath.Join(dir, "token"), RotateWithin: 500 * time.Millisecond})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, done := w.t.Context(), make(chan struct{})
	go func() { defer close(done); k.Run(ctx) }()
	w.t.Cleanup(func() { <-done })
	if _, err := k.Wait(ctx); err != nil {
		w.t.Fatal(err)
	}
	served := harness.ServeIdentity(w.t, material(k))
	go follow(k, served, done)
	b, err := agent.Bootstrap(agent.Proxy{ID: workload.ID(), Name: workload.Name, Address: workload.Address},
		agent.Upstreams{ControlPlane: plane.Socket, SDS: served.SDS, Policyd: "unix:/nonexistent/policyd", OTLP: "unix:/nonexistent/otlp", ALS: "unix:/nonexistent/als"})
	if err != nil {
		w.t.Fatal(err)
	}
	text, err := agent.MarshalBootstrap(b)
	if err != nil {
		w.t.Fatal(err)
	}
	w.keepers[workload.Name] = k
	w.envoys[workload.Name] = harness.StartEnvoyAt(w.t, text, fmt.Sprintf("http://%s", net.JoinHostPort(workload.Address, fmt.Sprint(agent.AdminPort))))
}

// follow hands on what a keeper has, until it ends.
func follow(k *keeper.Keeper, to *harness.Identity, done <-chan struct{}) {
	for {
		changed := k.Changed()
		if m := material(k); m != nil {
			to.Set(m)
		}
		select {
		case <-changed:
		case <-done:
			return
		}
	}
}

func material(k *keeper.Keeper) *sds.Material {
	c, ok := k.Current()
	if !ok {
		return nil
	}
	m := &sds.Material{Chain: c.ChainPEM(), Key: c.KeyPEM(), Bundles: map[string][]byte{}}
	for _, name := range c.Bundle.TrustDomains() {
		m.Bundles[name] = c.Bundle.PEM()
	}
	return m
}

// workload finds one.
func (w *world) workload(name string) model.Workload {
	out, ok := w.snapshot.Workload(name)
	if !ok {
		w.t.Fatalf("no workload is named %s", name)
	}
	return out
}

// credential is one that the authority gives to whom the test wants.
func (w *world) credential(workload model.Workload) identity.Credential {
	w.t.Helper()
	c, err := w.authority.Issue(identity.Claims{Identity: workload.Identity(harness.TrustDomain), Workload: workload.Name}, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}
