// Package rollout_test brings new versions of a filter to real Envoys with
// real agents: good ones go through their steps, bad ones are taken back by
// themselves, and nobody but their share ever sees them.
package rollout_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/krater-mesh/krater/cmd/krater/controlplane"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/xds/rollout"
)

func TestMain(m *testing.M) {
	code := m.Run()
	harness.RemoveBinaries()
	os.Exit(code)
}

// workloads have the names and the last numbers of the addresses that
// testdata/mesh gives them.
var workloads = map[string]int{"one": 2, "two": 3, "three": 4, "four": 5}

// world is a control plane and four agents, each a process of its own.
type world struct {
	t       *testing.T // that it lives as long as
	mesh    *harness.Mesh
	state   string
	control *harness.Process
	filter  string // the declaration that is in the file
	loads   map[string]*load
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, mesh: harness.Sample(t, "test/rollout/testdata/mesh"), state: harness.ShortTemp(t), loads: map[string]*load{}}
	for _, n := range workloads {
		app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello") }))
		t.Cleanup(app.Close)
		_, port, _ := net.SplitHostPort(app.Listener.Addr().String())
		w.mesh.Edit(t, "mesh.yaml", fmt.Sprintf("appPort: %d", 18080+n-2), "appPort: "+port)
	}
	for _, build := range []string{"a", "b"} {
		module(t, build, filepath.Join(w.mesh.Dir, build+".wasm"))
	}
	text, err := os.ReadFile(filepath.Join(w.mesh.Dir, "filter.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	w.filter = string(text)
	w.startControl(t)
	if status, err := w.status(t); err != nil || status.Problems.HasErrors() {
		t.Fatal(err, status.Problems)
	}
	for name, n := range workloads {
		harness.StartProcess(t, w.mesh.Command("agent", "--state", w.state, "--workload", "default/"+name,
			"--address", fmt.Sprintf("%s.0.%d", w.mesh.Network, n), "--report-every", "500ms"))
	}
	for name := range workloads {
		harness.Until(t, 120*time.Second, "the first version at "+name, func() error {
			if a := w.ask(name, ""); a.status != 200 || a.version != "1a" {
				return fmt.Errorf("%+v", a)
			}
			return nil
		})
	}
	return w
}

// module builds testdata/version.
func module(t *testing.T, build, file string) {
	t.Helper()
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -X main.build="+build, "-o", file, "./testdata/version")
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building a filter: %v\n%s", err, out)
	}
}

func (w *world) startControl(t *testing.T) {
	t.Helper()
	w.control = harness.StartProcess(w.t, w.mesh.Command("controlplane", w.mesh.Dir, "--state", w.state))
	harness.Until(t, 30*time.Second, "the control plane", func() error {
		_, err := w.status(t)
		return err
	})
}

func (w *world) status(t *testing.T) (controlplane.Status, error) {
	return controlplane.NewClient(filepath.Join(w.state, "admin.sock")).Status(t.Context())
}

// allGuards are those of testdata/mesh.
const allGuards = "minRequests: 15, errorRatio: 0.02, latencyP99: 10, memory: 3, traps: 0"

// declare edits the filter: its module, version, mood and guards.
func (w *world) declare(t *testing.T, build, version, mood, guards string) {
	t.Helper()
	w.filter = guarded.ReplaceAllString(w.filter, "guards: {"+guards+"}")
	w.filter = declared.ReplaceAllString(w.filter, fmt.Sprintf("url: ./%s.wasm\n  config: {version: %q, mood: %s}", build, version, mood))
	if err := os.WriteFile(filepath.Join(w.mesh.Dir, "filter.yaml"), []byte(w.filter), 0o600); err != nil {
		t.Fatal(err)
	}
}

var guarded = regexp.MustCompile(`guards: \{.*\}`)

var declared = regexp.MustCompile(`url: \./\w\.wasm\n  config: \{.*\}`)

// rollout waits until the rollout of a declaration is as it should be.
func (w *world) rollout(t *testing.T, limit time.Duration, what string, ok func(controlplane.RolloutStatus) bool) controlplane.RolloutStatus {
	t.Helper()
	var found controlplane.RolloutStatus
	harness.Until(t, limit, what, func() error {
		status, err := w.status(t)
		if err != nil {
			return err
		}
		for _, r := range status.Rollouts {
			if found = r; ok(r) {
				return nil
			}
		}
		return fmt.Errorf("%+v; %v", status.Rollouts, status.Problems)
	})
	return found
}

// answer is one to a request.
type answer struct {
	status  int // 0: none
	version string
}

// ask sends a request to a workload: of the world, or one that no version
// misbehaves for.
func (w *world) ask(name, world string) answer {
	return ask(http.DefaultTransport, fmt.Sprintf("http://%s.0.%d:8080/", w.mesh.Network, workloads[name]), world)
}

func ask(by http.RoundTripper, url, world string) answer {
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		return answer{}
	}
	if world != "" {
		req.Header.Set("x-world", world)
	}
	res, err := (&http.Client{Timeout: 10 * time.Second, Transport: by}).Do(req)
	if err != nil {
		return answer{}
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return answer{res.StatusCode, res.Header.Get("x-version")}
}

// load asks a workload without end, and keeps what it answers.
type load struct {
	mu      sync.Mutex
	last    answer
	answers []answer // each as it came first: the proxy's threads do not change at once
	count   map[answer]int
	slowest time.Duration
}

// load asks all workloads until the test ends.
func (w *world) load(t *testing.T) {
	stop, done := make(chan struct{}), &sync.WaitGroup{}
	for name, n := range workloads {
		l := &load{count: map[answer]int{}}
		w.loads[name] = l
		tr := &http.Transport{MaxIdleConnsPerHost: 4}
		for range 4 {
			done.Go(func() {
				for {
					select {
					case <-stop:
						tr.CloseIdleConnections()
						return
					case <-time.After(40 * time.Millisecond):
					}
					began := time.Now()
					a := ask(tr, fmt.Sprintf("http://%s.0.%d:8080/", w.mesh.Network, n), "yes")
					l.note(a, time.Since(began))
				}
			})
		}
	}
	t.Cleanup(func() { close(stop); done.Wait() })
}

func (l *load) note(a answer, took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count[a]++
	l.slowest = max(l.slowest, took)
	if l.last = a; !slices.Contains(l.answers, a) {
		l.answers = append(l.answers, a)
	}
}

// since gives what was answered since it was last called.
func (l *load) since() (answers []answer, count map[answer]int, slowest time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	answers, count, slowest = l.answers, l.count, l.slowest
	l.answers, l.count, l.slowest = nil, map[answer]int{}, 0
	return answers, count, slowest
}

// until waits until a workload's answers to the load are like that.
func (l *load) until(t *testing.T, name string, want answer) {
	t.Helper()
	harness.Until(t, 30*time.Second, fmt.Sprintf("%s to answer %v", name, want), func() error {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.last != want {
			return fmt.Errorf("%v", l.last)
		}
		return nil
	})
}

// problem looks for the Problem and the event of what was taken back.
func (w *world) problem(t *testing.T, reason string) {
	t.Helper()
	status, err := w.status(t)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(status.Problems, func(p model.Problem) bool {
		return p.Code == model.CodeRolledBack && p.Object.Name == "version" && strings.Contains(p.Message, reason)
	}) {
		t.Errorf("there is no Problem of it: %v", status.Problems)
	}
	if last := status.Events[len(status.Events)-1]; last.What != rollout.RolledBack || last.Reason != reason {
		t.Errorf("the last event is %v", last)
	}
}

// tellLoads shows how long pushes kept each proxy from taking others: with the
// code loaded before, the push that all requests see takes far less.
func (w *world) tellLoads(t *testing.T) {
	t.Helper()
	status, err := w.status(t)
	if err != nil {
		t.Fatal(err)
	}
	loaded := 0
	for _, p := range status.Proxies {
		var before time.Duration
		for _, l := range p.Loads {
			t.Logf("%s: %v took %s, and others waited %s", p.ID, l.Resources, l.Took, l.Delayed)
			switch took := l.Took.Std(); {
			case l.Preload:
				loaded, before = loaded+1, took
			case before > 0 && took > before/3:
				t.Errorf("%s: the code was loaded in %s, and the switch to it took %s", p.ID, before, took)
			}
		}
	}
	if loaded == 0 {
		t.Error("no proxy is told to have loaded code beforehand")
	}
}
