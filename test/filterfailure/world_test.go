// Package filterfailure_test runs hostile Wasm filters in real Envoys with the
// real agent: none of them may harm requests for longer than 5 s.
package filterfailure_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/krater-mesh/krater/cmd/krater/controlplane"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
)

// mostHarm is how long a filter may harm requests.
const mostHarm = 5 * time.Second

func TestMain(m *testing.M) {
	code := m.Run()
	harness.RemoveBinaries()
	os.RemoveAll(built)
	os.Exit(code)
}

var (
	built    string
	building sync.Mutex
)

// module builds the hostile filter under a name, once.
func module(t *testing.T, name string) string {
	t.Helper()
	building.Lock()
	defer building.Unlock()
	if built == "" {
		dir, err := os.MkdirTemp("", "hostile")
		if err != nil {
			t.Fatal(err)
		}
		built = dir
	}
	file := filepath.Join(built, name+".wasm")
	if _, err := os.Stat(file); err == nil {
		return file
	}
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -X main.name="+name, "-o", file, "./testdata/hostile")
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building a filter: %v\n%s", err, out)
	}
	return file
}

// program answers at once, or, where it is asked to, over two and a half seconds.
func program(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	for range 5 {
		fmt.Fprint(w, "hello")
		if r.Header.Get("x-slowly") != "" {
			_ = http.NewResponseController(w).Flush()
			time.Sleep(500 * time.Millisecond)
		}
	}
}

// machine is a control plane and an agent, each a process of its own, and the
// program behind the agent's Envoy.
type machine struct {
	mesh           *harness.Mesh
	state, address string
	program        string // its port
	control, agent *harness.Process
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{mesh: harness.Sample(t, "test/filterfailure/testdata/mesh"), state: harness.ShortTemp(t)}
	m.address = m.mesh.Network + ".0.2"
	app := httptest.NewServer(http.HandlerFunc(program))
	t.Cleanup(app.Close)
	_, port, _ := net.SplitHostPort(app.Listener.Addr().String())
	m.program = port
	m.mesh.Edit(t, "mesh.yaml", "appPort: 18080", "appPort: "+port)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // the kernel takes connections, and nobody answers
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	_, port, _ = net.SplitHostPort(silent.Addr().String())
	m.mesh.Edit(t, "mesh.yaml", "http: 19090", "http: "+port)
	for _, name := range []string{"evil", "good"} {
		code, err := os.ReadFile(module(t, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(m.mesh.Dir, name+".wasm"), code, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// start runs both, and waits until the workload is served with its filters.
func (m *machine) start(t *testing.T) {
	t.Helper()
	m.startControl(t)
	m.startAgent(t)
	m.until(t, 60*time.Second, "both filters", func(a answer) bool { return a.status == 200 && a.seen == "good,evil" })
}

func (m *machine) startControl(t *testing.T) {
	t.Helper()
	m.control = harness.StartProcess(t, m.mesh.Command("controlplane", m.mesh.Dir, "--state", m.state))
	harness.Until(t, 30*time.Second, "the control plane", func() error {
		_, err := m.status(t)
		return err
	})
}

func (m *machine) startAgent(t *testing.T) {
	t.Helper()
	m.agent = harness.StartProcess(t, m.mesh.Command("agent", "--state", m.state, "--workload", "default/one", "--address", m.address, "--report-every", "500ms"))
}

// edge is a gateway before the program.
const edge = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  selector: {istio: edge}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: edge}
spec:
  hosts: ["*"]
  gateways: [edge]
  http: [{route: [{destination: {host: program.example}}]}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: program}
spec:
  hosts: [program.example]
  location: MESH_EXTERNAL
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints: [{address: 127.0.0.1, ports: {http: PROGRAM}}]
`

// gateway adds one, starts its agent, and waits until that serves.
func (m *machine) gateway(t *testing.T) *machine {
	t.Helper()
	if err := os.WriteFile(filepath.Join(m.mesh.Dir, "edge.yaml"), []byte(strings.Replace(edge, "PROGRAM", m.program, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	m.mesh.Edit(t, "mesh.yaml", "  workloads:\n", "  gateways:\n  - {name: edge, namespace: default, address: "+m.mesh.Network+
		".0.1, labels: {istio: edge}, ports: [{port: 80, targetPort: 8080}]}\n  workloads:\n")
	g := *m
	g.address = m.mesh.Network + ".0.1"
	g.agent = harness.StartProcess(t, m.mesh.Command("agent", "--state", m.state, "--workload", "default/edge", "--address", g.address))
	g.until(t, 60*time.Second, "both filters", func(a answer) bool { return a.status == 200 && a.seen == "good,evil" })
	return &g
}

// envoy is the process of the agent's Envoy; 0: there is none.
func (m *machine) envoy() int {
	text, _ := os.ReadFile(filepath.Join(m.state, "agents", "default.one", "envoy.pid"))
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return pid
}

// answer is one to a request.
type answer struct {
	status int    // 0: none
	seen   string // the filters that ran
}

// ask sends a request, with a header where evil is meant.
func (m *machine) ask(evil string, limit time.Duration) answer {
	req, err := http.NewRequest("POST", "http://"+m.address+":8080/", strings.NewReader("a body"))
	if err != nil {
		return answer{}
	}
	if evil != "" {
		req.Header.Set("x-evil", evil)
	}
	client := &http.Client{Timeout: limit, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		return answer{}
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return answer{}
	}
	return answer{res.StatusCode, strings.Join(res.Header.Values("x-seen"), ",")}
}

// until asks until the answer is as it should be, and tells how long it took.
func (m *machine) until(t *testing.T, limit time.Duration, what string, ok func(answer) bool) time.Duration {
	t.Helper()
	began := time.Now()
	harness.Until(t, limit, what, func() error {
		if a := m.ask("", time.Second); !ok(a) {
			return fmt.Errorf("answered %d, seen by %q", a.status, a.seen)
		}
		return nil
	})
	return time.Since(began)
}

func (m *machine) status(t *testing.T) (controlplane.Status, error) {
	return controlplane.NewClient(filepath.Join(m.state, "admin.sock")).Status(t.Context())
}

// problem waits for one of a code about a filter.
func (m *machine) problem(t *testing.T, code, filter string) model.Problem {
	t.Helper()
	return m.problemWithin(t, 15*time.Second, code, filter)
}

func (m *machine) problemWithin(t *testing.T, limit time.Duration, code, filter string) model.Problem {
	t.Helper()
	var found model.Problem
	harness.Until(t, limit, "the Problem "+code, func() error {
		status, err := m.status(t)
		if err != nil {
			return err
		}
		for _, p := range status.Problems {
			if p.Code == code && p.Object.Name == filter {
				found = p
				return nil
			}
		}
		text, _ := json.Marshal(status.Problems)
		return fmt.Errorf("there are %s", cmp.Or(string(text), "none"))
	})
	t.Logf("%s", found)
	return found
}

// load asks without end, by several callers, and tells how the worst went.
type load struct {
	stop chan struct{}
	done sync.WaitGroup

	mu      sync.Mutex
	failing time.Time     // since when no request was answered 200; zero: they are
	harm    time.Duration // the longest time
	good    int
	bad     int
}

// callers are how many ask at once. As many requests may be in a filter when it
// traps: Envoy answers those 503, whatever the failure policy.
const callers = 2

func (m *machine) load(t *testing.T) *load {
	l := &load{stop: make(chan struct{})}
	for range callers {
		l.done.Add(1)
		go func() {
			defer l.done.Done()
			for {
				select {
				case <-l.stop:
					return
				case <-time.After(5 * time.Millisecond):
				}
				l.note(m.ask("", 10*time.Second).status == 200)
			}
		}()
	}
	t.Cleanup(func() { l.end() })
	return l
}

func (l *load) note(good bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case good && !l.failing.IsZero():
		l.harm, l.failing = max(l.harm, time.Since(l.failing)), time.Time{}
	case !good && l.failing.IsZero():
		l.failing = time.Now()
	}
	if good {
		l.good++
	} else {
		l.bad++
	}
}

// end stops, once.
func (l *load) end() {
	select {
	case <-l.stop:
	default:
		close(l.stop)
	}
	l.done.Wait()
}
