package mtls_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/agent"
	"github.com/krater-mesh/krater/cmd/krater/stages"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/xds/translate"
)

const portHTTP, portTCP = 8080, 3306

// world has the proxies of a client and of a server, and the applications.
type world struct {
	t       *testing.T
	network string // "127.a."
	dir     string
	plane   *harness.Plane
	proxies map[string]*harness.Envoy // by workload
	app     *application
	own     *authority // the application's, which the mesh does not know
	mesh    *harness.Authority
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, dir: t.TempDir(), plane: harness.NewPlane(t), proxies: map[string]*harness.Envoy{}, own: newAuthority(t), mesh: harness.SharedAuthority(t)}
	w.network = fmt.Sprintf("127.%d.", 81+rand.IntN(170))
	w.app = newApplication(t, w.own)
	return w
}

func (w *world) address(workload string) string {
	return w.network + map[string]string{"client": "9.2", "server": "9.3", "east": "9.4"}[workload]
}

func meshDocument(noAuto bool) string {
	return fmt.Sprintf(`apiVersion: krater.dev/v1alpha1
kind: Mesh
metadata: {name: m}
spec:
  meshConfig: {trustDomainAliases: [old.local], enableAutoMtls: %t, protocolDetectionTimeout: 1s}
  local: {network: NETWORK0.0/16}
  workloads:
  - {name: client, namespace: shop, address: NETWORK9.2, serviceAccount: client, labels: {app: client}, ports: [{name: http, port: 80}]}
  - name: server
    namespace: shop
    address: NETWORK9.3
    serviceAccount: server
    labels: {app: server}
    ports: [{name: http, port: %d, appPort: APPPORT}, {name: tcp, port: %d, appPort: TCPPORT}]
`, !noAuto, portHTTP, portTCP)
}

// declare gives both proxies a configuration, and waits until they have it.
func (w *world) declare(config string) {
	w.t.Helper()
	dir := w.t.TempDir()
	text := strings.NewReplacer("NETWORK", w.network, "APPPORT", w.app.http, "TCPPORT", w.app.tcp,
		"{{ca}}", w.own.file("ca.crt"), "{{crt}}", w.own.file("client.crt"), "{{key}}", w.own.file("client.key")).Replace(config)
	if err := os.WriteFile(filepath.Join(dir, "mesh.yaml"), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	st, err := stages.Open([]string{dir}, "", w.dir)
	if err != nil {
		w.t.Fatal(err)
	}
	b, err := st.Run(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	if b.Problems.HasErrors() {
		w.t.Fatalf("%v\n%s", b.Problems, text)
	}
	for _, one := range b.Snapshot.Workloads {
		name := one.Name
		r, problems := translate.Translate(b.Snapshot, b.Endpoints, one, translate.Options{ModuleDir: w.dir, Builtin: st.Builtin()})
		if problems.HasErrors() {
			w.t.Fatal(problems)
		}
		if w.proxies[name] == nil {
			w.plane.Offer(w.t, one.ID(), r.Set())
			w.proxies[name] = w.start(one)
			continue
		}
		if refused := w.plane.Publish(w.t, one.ID(), r.Set()); len(refused) > 0 {
			w.t.Fatalf("%s refused %v", name, refused)
		}
	}
}

// start runs a workload's proxy. The mesh's authority stands for a trust domain
// and for its alias.
func (w *world) start(one model.Workload) *harness.Envoy {
	m := w.mesh.Issue(w.t, one, nil)
	m.Bundles = map[string][]byte{harness.TrustDomain: w.mesh.Root, "old.local": w.mesh.Root}
	b, err := agent.Bootstrap(agent.Proxy{ID: one.ID(), Name: one.Name, Address: one.Address},
		agent.Upstreams{ControlPlane: w.plane.Socket, SDS: harness.ServeIdentity(w.t, m).SDS, Policyd: "unix:/nonexistent/policyd", OTLP: "unix:/nonexistent/otlp", ALS: "unix:/nonexistent/als"})
	if err != nil {
		w.t.Fatal(err)
	}
	text, err := agent.MarshalBootstrap(b)
	if err != nil {
		w.t.Fatal(err)
	}
	return harness.StartEnvoyAt(w.t, text, "http://"+net.JoinHostPort(one.Address, fmt.Sprint(agent.AdminPort)))
}

// handshakes counts those of TLS that the server's proxy has ended on a port.
func (w *world) handshakes(port int) string {
	return w.proxies["server"].Stat(w.t, fmt.Sprintf("listener.%s_%d.ssl.handshake", w.address("server"), port))
}
