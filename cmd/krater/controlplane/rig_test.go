package controlplane

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/krater-mesh/krater/filters/verify/assemble"
	"github.com/krater-mesh/krater/identity"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/serve"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

const patience = 20 * time.Second

// theMesh has two namespaces, a Wasm filter in one of them, and a group.
const theMesh = `
apiVersion: krater.dev/v1alpha1
kind: Mesh
metadata: {name: test}
spec:
  meshConfig: {trustDomain: mesh.test}
  workloads:
  - {name: cart, namespace: shop, serviceAccount: cart, labels: {app: cart}, command: [none], address: 127.80.9.1, ports: [{name: http, port: 80, protocol: HTTP}]}
  - {name: vault, namespace: bank, serviceAccount: vault, labels: {app: vault}, command: [none], address: 127.80.9.2, ports: [{name: http, port: 80, protocol: HTTP}]}
---
apiVersion: krater.dev/v1alpha1
kind: Filter
metadata: {name: mine, namespace: shop}
spec: {url: ./mine.wasm, selector: {matchLabels: {app: cart}}}
---
apiVersion: networking.istio.io/v1
kind: WorkloadGroup
metadata: {name: db, namespace: vm}
spec:
  metadata: {labels: {app: db}}
  template: {serviceAccount: db, ports: {mysql: 3306}}
  probe: {tcpSocket: {port: 3306}}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: db, namespace: vm}
spec:
  hosts: [db.vm.svc.cluster.local]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 3306, name: mysql, protocol: TCP}]
  workloadSelector: {labels: {app: db}}
`

// wasm is the smallest filter.
var wasm = assemble.Filter().Bytes()

// rig is a control plane that runs in this process.
type rig struct {
	*ControlPlane
	t   *testing.T
	dir string
	end func()
}

// newRig starts a control plane of the files in a folder, made if it is not there.
func newRig(t *testing.T, dir string) *rig {
	t.Helper()
	r := &rig{t: t, dir: dir}
	if _, err := os.Stat(filepath.Join(dir, "mesh")); err != nil {
		r.write("mesh/mesh.yaml", theMesh)
		r.write("mesh/mine.wasm", string(wasm))
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	c, err := New(Options{
		Paths: []string{at("mesh")}, StateDir: at("config"), ModuleDir: at("modules"), Registered: at("registered"), Denied: at("denied"),
		XDS: "unix:" + at("xds.sock"), Agents: []string{"unix:" + at("agents.sock"), "127.0.0.1:0"}, Admin: "unix:" + at("admin.sock"), CADir: at("ca"),
		Grace: 300 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	r.ControlPlane = c
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	r.end = func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the control plane ended: %v", err)
		}
		done <- nil
	}
	t.Cleanup(r.end)
	r.until("it answers", func(Status) bool { return true })
	return r
}

func (r *rig) write(name, text string) {
	r.t.Helper()
	file := filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// until waits for a condition of the status.
func (r *rig) until(what string, ok func(Status) bool) Status {
	r.t.Helper()
	client := NewClient(filepath.Join(r.dir, "admin.sock"))
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		s, err := client.Status(r.t.Context())
		if err == nil && ok(s) {
			return s
		}
		if time.Now().After(end) {
			r.t.Fatalf("never: %s: %v\n%+v", what, err, s)
		}
	}
}

// proxy is a status' proxy, nil if there is none.
func proxy(s Status, id string) *ClientStatus {
	for i, p := range s.Proxies {
		if p.ID == id {
			return &s.Proxies[i]
		}
	}
	return nil
}

// credential is a workload's, of the mesh's own authority.
func (r *rig) credential(namespace, name, account string) *identity.Credential {
	r.t.Helper()
	c, err := r.authority.Issue(identity.Claims{Identity: model.Identity{TrustDomain: "mesh.test", Namespace: namespace, ServiceAccount: account}, Workload: name}, time.Hour)
	if err != nil {
		r.t.Fatal(err)
	}
	return &c
}

func (r *rig) member(address string) (*identity.Credential, string) {
	name := model.MemberName("db", netip.MustParseAddr(address))
	return r.credential("vm", name, "db"), "vm/" + name
}

// dial connects to the listener for agents, with a credential or without.
func (r *rig) dial(c *identity.Credential) *grpc.ClientConn {
	r.t.Helper()
	config := identity.ClientTLS(
		func() (identity.Credential, bool) {
			if c == nil {
				return identity.Credential{}, false
			}
			return *c, true
		}, r.authority.Bundle, identity.ControlPlane, time.Now)
	return r.dialTLS(config)
}

func (r *rig) dialTLS(config *tls.Config) *grpc.ClientConn {
	r.t.Helper()
	conn, err := grpc.NewClient(r.o.Agents[0], grpc.WithTransportCredentials(credentials.NewTLS(config)))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	return conn
}

// stream is one of a node.
type stream struct {
	discovery.AggregatedDiscoveryService_DeltaAggregatedResourcesClient
	end func()
}

// open speaks for a node, and asks for a type of resources.
func (r *rig) open(conn *grpc.ClientConn, node, typeURL string, names ...string) (stream, error) {
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	r.t.Cleanup(cancel)
	s, err := discovery.NewAggregatedDiscoveryServiceClient(conn).DeltaAggregatedResources(ctx)
	if err != nil {
		return stream{}, err
	}
	_ = s.Send(&discovery.DeltaDiscoveryRequest{Node: &core.Node{Id: node}, TypeUrl: typeURL, ResourceNamesSubscribe: names}) // Recv says why not
	return stream{s, cancel}, nil
}

// stream is open, where it must succeed.
func (r *rig) stream(conn *grpc.ClientConn, node, typeURL string, names ...string) stream {
	r.t.Helper()
	s, err := r.open(conn, node, typeURL, names...)
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

// refusal is why a stream gets nothing; nil: it gets something.
func (r *rig) refusal(conn *grpc.ClientConn, node string) error {
	s, err := r.open(conn, node, serve.TypeListener)
	if err == nil {
		_, err = s.Recv()
	}
	return err
}
