package agent_test

import (
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/test/harness"
)

func TestMain(m *testing.M) {
	code := m.Run()
	harness.RemoveBinaries()
	os.Exit(code)
}

// machine is a control plane and an agent, each a process of its own, and the
// program behind the agent's Envoy.
type machine struct {
	mesh           *harness.Mesh // its configuration and the binaries; krater up does not run
	state          string
	address        string
	control, agent *harness.Process
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{mesh: harness.Sample(t, "test/agent/testdata/away"), state: harness.ShortTemp(t)}
	m.address = m.mesh.Network + ".0.2"
	app := &httptest.Server{Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello") })}}
	var err error
	if app.Listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	app.Start()
	t.Cleanup(app.Close)
	_, port, _ := net.SplitHostPort(app.Listener.Addr().String())
	m.mesh.Edit(t, "mesh.yaml", "appPort: 18080", "appPort: "+port)
	return m
}

func (m *machine) startControl(t *testing.T) {
	t.Helper()
	m.control = harness.StartProcess(t, m.mesh.Command("controlplane", m.mesh.Dir, "--state", m.state))
	harness.Until(t, 30*time.Second, "the control plane", func() error {
		conn, err := net.Dial("unix", filepath.Join(m.state, "admin.sock"))
		if err == nil {
			conn.Close()
		}
		return err
	})
}

func (m *machine) startAgent(t *testing.T) {
	t.Helper()
	m.agent = harness.StartProcess(t, m.mesh.Command("agent", "--state", m.state, "--workload", "default/one", "--address", m.address))
}

// envoy is the process of the agent's Envoy; 0: there is none.
func (m *machine) envoy() int {
	text, _ := os.ReadFile(filepath.Join(m.state, "agents", "default.one", "envoy.pid"))
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return pid
}

// ask is a request to the workload, through its Envoy.
func (m *machine) ask(method string) (status int, stamp string, err error) {
	req, err := http.NewRequest(method, "http://"+m.address+":8080/", nil)
	if err != nil {
		return 0, "", err
	}
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode, res.Header.Get("x-stamp"), nil
}

// serves waits until the workload is served, by its filter and its policy, and
// by an Envoy that is none of others.
func (m *machine) serves(t *testing.T, within time.Duration, stamp string, others ...int) {
	t.Helper()
	began := time.Now()
	harness.Until(t, within, "the workload to be served", func() error {
		for _, pid := range others {
			if now := m.envoy(); now == pid || now == 0 {
				return fmt.Errorf("the envoy is process %d", now)
			}
		}
		status, got, err := m.ask("GET")
		if err != nil || status != 200 || got != stamp {
			return fmt.Errorf("%d, stamped %q, %v", status, got, err)
		}
		return nil
	})
	t.Logf("served after %s", time.Since(began).Round(time.Millisecond))
	if status, _, err := m.ask("DELETE"); err != nil || status != 403 {
		t.Errorf("what the policy denies: %d, %v", status, err)
	}
}

// private fails the test if anybody but the user may read something of a folder.
func private(t *testing.T, dir string) {
	t.Helper()
	seen := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		seen++
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is %v", path, info.Mode())
		}
		return nil
	})
	if err != nil || seen < 10 {
		t.Errorf("looked at %d files: %v", seen, err)
	}
}

// kept waits until all that Envoy has is on disk.
func (m *machine) kept(t *testing.T) {
	t.Helper()
	dir := filepath.Join(m.state, "agents", "default.one", "lastgood")
	harness.Until(t, 20*time.Second, "the last good configuration on disk", func() error {
		for _, name := range []string{"Cluster", "Listener", "RouteConfiguration", "VirtualHost", "TypedExtensionConfig"} {
			if _, err := os.Stat(filepath.Join(dir, name+".lastgood")); err != nil {
				return err
			}
		}
		return nil
	})
}

func errStatus(status int) error { return fmt.Errorf("answered %d", status) }

func contains(out []byte, text string) bool { return strings.Contains(string(out), text) }
