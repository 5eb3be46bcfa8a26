package daemon_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/krater-mesh/krater/cmd/krater/controlplane"
	"github.com/krater-mesh/krater/cmd/krater/daemon"
	"github.com/krater-mesh/krater/identity"
	"github.com/krater-mesh/krater/identity/authority"
	"github.com/krater-mesh/krater/identity/keeper"
	"github.com/krater-mesh/krater/listen"
	"github.com/krater-mesh/krater/policyd"
	"github.com/krater-mesh/krater/test/harness"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

const patience = 30 * time.Second

const mesh = `
apiVersion: krater.dev/v1alpha1
kind: Mesh
metadata: {name: test}
spec:
  meshConfig: {trustDomain: mesh.test}
  workloads:
  - {name: cart, namespace: shop, serviceAccount: cart, labels: {app: cart}, command: [none], address: 127.80.9.1, ports: [{name: http, port: 80, protocol: HTTP}]}
---
apiVersion: krater.dev/v1alpha1
kind: RegoPolicy
metadata: {name: own, namespace: shop}
spec:
  selector: {matchLabels: {app: cart}}
  modules: [{name: own.rego, source: "package own\nallow if input.attributes.request.http.path == \"/\"\n"}]
  query: data.own.allow
`

// background runs something until the test ends.
func background(t *testing.T, what string, run func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil && ctx.Err() == nil {
			t.Errorf("%s: %v", what, err)
		}
	})
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// plane is a control plane in a folder, with its port for agents.
type plane struct {
	dir, agents string
	client      *controlplane.Client
}

func newPlane(t *testing.T) plane {
	t.Helper()
	dir := t.TempDir()
	p := plane{dir: dir, agents: "127.0.0.1:" + strconv.Itoa(harness.FreePort(t)), client: controlplane.NewClient(filepath.Join(dir, "admin.sock"))}
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(at("mesh.yaml"), []byte(mesh), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := controlplane.New(controlplane.Options{
		Paths: []string{at("mesh.yaml")}, StateDir: at("config"), ModuleDir: at("modules"), Registered: at("registered"), Denied: at("denied"),
		XDS: "unix:" + at("xds.sock"), Agents: []string{"unix:" + at("agents.sock"), p.agents}, Admin: "unix:" + at("admin.sock"), CADir: at("ca"), Logger: quiet(),
	})
	if err != nil {
		t.Fatal(err)
	}
	background(t, "the control plane", c.Run)
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if _, err := p.client.Status(t.Context()); err == nil {
			return p
		} else if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

// token is a file with one, and root a file with the mesh's roots.
func (p plane) token(t *testing.T, workload string) (token, root string) {
	t.Helper()
	made, err := p.client.Token(t.Context(), authority.Grant{Workload: workload})
	if err != nil {
		t.Fatal(err)
	}
	roots, err := p.client.Roots(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	token, root = filepath.Join(dir, "token"), filepath.Join(dir, "root-cert.pem")
	for file, text := range map[string][]byte{token: []byte(made.Token), root: roots} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return token, root
}

// cart is a member of the mesh, on another machine.
func (p plane) cart(t *testing.T) *keeper.Keeper {
	t.Helper()
	token, root := p.token(t, "shop/cart")
	roots, err := os.ReadFile(root)
	if err != nil {
		t.Fatal(err)
	}
	k, err := keeper.Open(keeper.Options{Dir: t.TempDir(), Server: p.agents, TrustDomain: "mesh.test", Roots: roots, TokenFile: token, Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	background(t, "cart's certificate", k.Run)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := k.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	return k
}

// policydAt runs a policyd that is reached by a door, and gives the door.
func policydAt(t *testing.T, id *daemon.Identity, controlPlane string, client bool) string {
	t.Helper()
	background(t, "policyd's certificate", id.Run)
	if err := id.First(t.Context()); err != nil {
		t.Fatal(err)
	}
	door := "127.0.0.1:" + strconv.Itoa(harness.FreePort(t))
	o := policyd.Options{
		Listen: "unix:" + filepath.Join(t.TempDir(), "policyd.sock"), Doors: []string{door}, ControlPlane: controlPlane, StateDir: t.TempDir(), Logger: quiet(),
		Network: listen.Network{Server: id.ServerTLS(), Caller: id.Caller},
	}
	if client {
		o.Network.Dial = id.Dial()
	}
	background(t, "policyd", func(ctx context.Context) error { return policyd.Run(ctx, o) })
	return door
}

// check asks policyd about a request.
func check(t *testing.T, conn *grpc.ClientConn, path string) (allowed bool, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(t.Context(), "krater-policies", "shop/own"), patience)
	defer cancel()
	res, err := authv3.NewAuthorizationClient(conn).Check(ctx, &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		Source: &authv3.AttributeContext_Peer{Address: &corev3.Address{}}, Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{Method: "GET", Path: path}},
	}}, grpc.WaitForReady(true))
	return err == nil && res.GetStatus().GetCode() == int32(codes.OK), err
}

func dial(t *testing.T, door string, creds credentials.TransportCredentials) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(door, grpc.WithTransportCredentials(creds))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// answers holds a policyd's door to what it must do.
func answers(t *testing.T, p plane, door string) {
	t.Helper()
	cart := p.cart(t)
	conn := dial(t, door, credentials.NewTLS(cart.ClientTLSTo(identity.Policyd)))
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) { // its policies come by xDS
		if allowed, err := check(t, conn, "/"); err == nil && allowed {
			break
		} else if time.Now().After(end) {
			t.Fatalf("allowed %v, %v", allowed, err)
		}
	}
	if allowed, err := check(t, conn, "/other"); err != nil || allowed {
		t.Errorf("allowed %v, %v", allowed, err)
	}
	nobody := identity.ClientTLS(func() (identity.Credential, bool) { return identity.Credential{}, false }, cart.Bundle, identity.Policyd, time.Now)
	if _, err := check(t, dial(t, door, credentials.NewTLS(nobody)), "/"); status.Code(err) != codes.Unauthenticated {
		t.Errorf("nobody is answered: %v", err)
	}
	another := dial(t, door, credentials.NewTLS(cart.ClientTLSTo(identity.Collector)))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if _, err := authv3.NewAuthorizationClient(another).Check(ctx, &authv3.CheckRequest{}); status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "not") {
		t.Errorf("policyd is taken for the collector: %v", err)
	}
}

func TestBesideTheControlPlaneItsSocketIsEnough(t *testing.T) {
	p := newPlane(t)
	dir := t.TempDir()
	o := daemon.Options{Name: identity.Policyd, Dir: dir, Server: "unix:" + filepath.Join(p.dir, "agents.sock"), Admin: filepath.Join(p.dir, "admin.sock"), Logger: quiet()}
	id, err := daemon.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	answers(t, p, policydAt(t, id, "unix:"+filepath.Join(p.dir, "xds.sock"), false))
	if info, err := os.Stat(filepath.Join(dir, "token")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the token's file: %v, %v", info, err)
	}
	o.Admin = filepath.Join(p.dir, "nobody.sock") // as if the control plane were away
	again, err := daemon.Open(t.Context(), o)
	if err != nil {
		t.Fatalf("with a certificate on the disk: %v", err)
	}
	if c, ok := again.Current(); !ok || c.Claims != identity.System("mesh.test", identity.Policyd) {
		t.Errorf("%+v %v", c.Claims, ok)
	}
	o.Dir = t.TempDir()
	if _, err := daemon.Open(t.Context(), o); err == nil {
		t.Error("there is an identity from nowhere")
	}
}

func TestOnAMachineOfItsOwnATokenIs(t *testing.T) {
	p := newPlane(t)
	token, root := p.token(t, "krater-system/policyd")
	id, err := daemon.Open(t.Context(), daemon.Options{
		Name: identity.Policyd, Dir: t.TempDir(), Server: p.agents, Token: token, Root: root, TrustDomain: "mesh.test", Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	answers(t, p, policydAt(t, id, p.agents, true))
	s, err := p.client.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range s.Refused {
		if r.Reason == "the connection has no client certificate" {
			t.Errorf("policyd came without its certificate: %+v", r)
		}
	}
	for _, d := range s.Daemons {
		if d.ID == "krater/policyd" && (d.Connection == nil || d.Connection.Identity != "spiffe://mesh.test/ns/krater-system/sa/policyd") {
			t.Errorf("shown as %+v", d)
		}
	}
}
