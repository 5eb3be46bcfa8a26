package vm

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/test/netns"
)

// world is a mesh on one machine, and machines that join it.
type world struct {
	t      *testing.T
	net    *netns.Network
	here   *netns.Host
	krater string
	env    []string
	file   string // of the mesh
}

// edit writes the mesh anew.
func (w *world) edit(text string) {
	w.t.Helper()
	next := w.file + ".new"
	if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	if err := os.Rename(next, w.file); err != nil {
		w.t.Fatal(err)
	}
}

// mesh has one caller; what it calls registers itself.
const mesh = `apiVersion: krater.dev/v1alpha1
kind: Mesh
metadata: {name: vms}
spec:
  local: {network: 127.80.0.0/16}
  accessLog: {disabled: true}
  workloads:
  - {name: caller, address: 127.80.0.2, command: [sleep, infinity], ports: [{name: http, port: 9080}]}
---
apiVersion: networking.istio.io/v1
kind: WorkloadGroup
metadata: {name: ratings}
spec:
  metadata: {labels: {app: ratings}}
  template: {serviceAccount: ratings}
  probe: {periodSeconds: 1, failureThreshold: 1, httpGet: {path: /health, port: 9080}}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ratings}
spec:
  hosts: [ratings.shop]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP, targetPort: 9080}]
  workloadSelector: {labels: {app: ratings}}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: ratings}
spec: {selector: {matchLabels: {app: ratings}}, mtls: {mode: STRICT}}
`

func start(t *testing.T) *world {
	t.Helper()
	n := netns.New(t)
	w := &world{t: t, net: n, here: n.Host("here")}
	w.krater = w.here.Program(filepath.Join(harness.Binaries(t), "krater"))
	dir := n.Dir(0)
	w.env = []string{"KRATER_STATE=" + dir, "ENVOY=" + w.here.Program(harness.EnvoyPath(t)), "PATH=" + harness.Binaries(t) + ":" + os.Getenv("PATH")}
	if err := os.MkdirAll(filepath.Join(dir, "shop"), 0o700); err != nil {
		t.Fatal(err)
	}
	w.file = filepath.Join(dir, "shop", "mesh.yaml")
	w.edit(mesh)
	up := w.here.Start(netns.Command{Args: []string{w.krater, "up", filepath.Join(dir, "shop"), "--agents", w.here.Address + ":15012"}, Env: w.env})
	t.Cleanup(func() { up.Stop(t) })
	harness.Until(t, 90*time.Second, "the mesh to be synced", func() error {
		if !strings.Contains(up.Log.String(), " is up: ") {
			return fmt.Errorf("not yet:\n%s", up.Log)
		}
		return nil
	})
	return w
}

// machine is one that joined, with what runs on it.
type machine struct {
	*netns.Host
	app, agent *netns.Process
	krater     string
	bookinfo   string
}

// join brings a machine in, as `krater workload entry configure` prepares it.
// Its lookups go to its agent.
func (w *world) join(name string) *machine {
	w.t.Helper()
	m := &machine{Host: w.net.Host(name)}
	m.krater = m.Program(filepath.Join(harness.Binaries(w.t), "krater"))
	m.bookinfo = m.Program(filepath.Join(harness.Binaries(w.t), "bookinfo"))
	dir := w.net.Dir(1337)
	out, code := w.here.Try(netns.Command{Env: w.env, Args: []string{w.krater, "workload", "entry", "configure", "--name", "ratings", "-n", "default",
		"-o", filepath.Join(dir, "vm"), "--controlplane", w.here.Address + ":15012"}})
	if code != 0 {
		w.t.Fatal(out)
	}
	m.Run("chown", "-R", "1337:1337", dir)
	m.SetFile("/etc/resolv.conf", "nameserver 10.77.0.254\n") // that is nobody
	m.Run(m.krater, "agent", "redirect", "--up", "--dns")
	m.serve()
	m.agent = m.Start(netns.Command{UID: 1337, Args: []string{m.krater, "agent", "--vm", filepath.Join(dir, "vm"), "--state", filepath.Join(dir, "s")},
		Env: []string{"ENVOY=" + m.Program(harness.EnvoyPath(w.t))}})
	return m
}

// serve starts the machine's application.
func (m *machine) serve() {
	m.app = m.Start(netns.Command{UID: 1000, Args: []string{m.bookinfo, "ratings"}, Env: []string{"HOST=0.0.0.0", "PORT=9080", "POD_NAME=" + m.Name}})
}

// caller sends requests through the caller's sidecar.
func (w *world) caller() *http.Client {
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DialContext: w.here.Dial, DisableKeepAlives: true,
		Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: "127.80.0.2:15001"}),
	}}
}

// ask gives the status of one request, and who answered it.
func ask(c *http.Client) (status int, who string) {
	resp, err := c.Get("http://ratings.shop/ratings/0")
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	for _, name := range []string{"one", "two"} {
		if strings.Contains(string(body), `"pod":"`+name+`"`) {
			who = name
		}
	}
	return resp.StatusCode, who
}

// answers waits until these machines answer, and no others.
func (w *world) answers(c *http.Client, want ...string) {
	w.t.Helper()
	harness.Until(w.t, 60*time.Second, fmt.Sprintf("%v to answer", want), func() error {
		got := map[string]bool{}
		for range 12 {
			status, who := ask(c)
			if status != 200 {
				return fmt.Errorf("%d %s", status, who)
			}
			got[who] = true
		}
		for _, name := range want {
			if !got[name] {
				return fmt.Errorf("only %v", got)
			}
		}
		if len(got) != len(want) {
			return fmt.Errorf("%v", got)
		}
		return nil
	})
}

// page is what an admin page or an agent of a host says.
func page(h *netns.Host, address string) (int, string) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address, nil)
	resp, err := h.Client().Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body)
}

// status is what `krater status` prints.
func (w *world) status() string {
	out, _ := w.here.Try(netns.Command{Env: w.env, Args: []string{w.krater, "status"}})
	return out
}
