package harness

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Mesh is a running Bookinfo, in addresses and folders of its own.
type Mesh struct {
	Dir     string // its configuration: a copy that tests may edit
	State   string // $KRATER_STATE
	Gateway string // "http://127.x.0.1:8080"
	Metrics string // "http://127.0.0.1:port/metrics"
	Network string // "127.x", where the sample has 127.80
	Bin     string // the folder of the binaries
	Log     *Buffer

	cmd   *exec.Cmd
	ended chan struct{}
}

// Sample is a copy of a sample's configuration, rewritten to addresses and
// ports that nothing else uses.
func Sample(t testing.TB, sample string) *Mesh {
	t.Helper()
	m := &Mesh{Dir: ShortTemp(t), State: ShortTemp(t), Network: freeNetwork(t), Bin: Binaries(t), Log: &Buffer{}}
	metrics := FreePort(t)
	m.Gateway = "http://" + m.Network + ".0.1:8080"
	m.Metrics = fmt.Sprintf("http://127.0.0.1:%d/metrics", metrics)
	replace := strings.NewReplacer("127.80.", m.Network+".", "127.0.0.1:9464", fmt.Sprintf("127.0.0.1:%d", metrics))
	from := filepath.Join(Root(), sample)
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".yaml" {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil || strings.Contains(rel, "testdata") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		to := filepath.Join(m.Dir, rel)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		return os.WriteFile(to, []byte(replace.Replace(string(text))), 0o644)
	})
	if err != nil {
		t.Fatalf("copying %s: %v", sample, err)
	}
	return m
}

// StartMesh runs `krater up` on a copy of a sample until the test ends, and
// returns once every proxy is synced.
func StartMesh(t testing.TB, sample string, flags ...string) *Mesh {
	t.Helper()
	m := Sample(t, sample)
	m.Start(t, flags...)
	return m
}

// Start runs `krater up` on the mesh, and waits until it is synced.
func (m *Mesh) Start(t testing.TB, flags ...string) {
	t.Helper()
	m.cmd = m.Command(append([]string{"up", m.Dir}, flags...)...)
	m.cmd.Stdout, m.cmd.Stderr = m.Log, m.Log
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := m.cmd.Start(); err != nil {
		t.Fatalf("starting krater up: %v", err)
	}
	m.ended = make(chan struct{})
	go func() {
		_ = m.cmd.Wait()
		close(m.ended)
	}()
	t.Cleanup(func() {
		m.Stop(t)
		if t.Failed() {
			t.Logf("krater's log:\n%s", m.Log)
		}
	})
	Until(t, 90*time.Second, "the mesh to be synced", func() error {
		select {
		case <-m.ended:
			t.Fatalf("krater up ended:\n%s", m.Log)
		default:
		}
		if !strings.Contains(m.Log.String(), " is up: ") {
			return fmt.Errorf("not yet:\n%s", m.Log)
		}
		return nil
	})
}

// Stop ends the mesh as Ctrl-C does, and fails the test if it does not end.
func (m *Mesh) Stop(t testing.TB) {
	t.Helper()
	_ = m.cmd.Process.Signal(os.Interrupt)
	select {
	case <-m.ended:
	case <-time.After(20 * time.Second):
		_ = m.cmd.Process.Kill()
		t.Errorf("krater up did not end within 20 s of an interrupt:\n%s", m.Log)
	}
}

// Env is the environment of commands beside the mesh.
func (m *Mesh) Env() []string {
	return append(os.Environ(), "KRATER_STATE="+m.State, "PATH="+m.Bin+":"+os.Getenv("PATH"), "ENVOY="+envoyOrEmpty())
}

func envoyOrEmpty() string {
	if p := os.Getenv("ENVOY"); p != "" {
		return p
	}
	if p, err := exec.LookPath("envoy"); err == nil {
		return p
	}
	return filepath.Join(Root(), ".tools", "envoy-1.40.0", "envoy")
}

// Command is a krater command in the mesh's environment.
func (m *Mesh) Command(args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(m.Bin, "krater"), args...)
	cmd.Env, cmd.Dir = m.Env(), Root()
	return cmd
}

// Krater runs a krater command and gives its output and exit code.
func (m *Mesh) Krater(t testing.TB, args ...string) (out string, code int) {
	t.Helper()
	cmd := m.Command(args...)
	b, err := cmd.Output()
	if _, isExit := err.(*exec.ExitError); err != nil && !isExit {
		t.Fatalf("krater %s: %v", strings.Join(args, " "), err)
	}
	return string(b), cmd.ProcessState.ExitCode()
}

// KraterJSON runs a krater command with -o json and reads its output.
func (m *Mesh) KraterJSON(t testing.TB, into any, args ...string) {
	t.Helper()
	out, code := m.Krater(t, append(args, "-o", "json")...)
	if err := json.Unmarshal([]byte(out), into); err != nil {
		t.Fatalf("krater %s exited with %d, and its output is no JSON: %v\n%s", strings.Join(args, " "), code, err, out)
	}
}

// Add writes a new file of configuration.
func (m *Mesh) Add(t testing.TB, file, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(m.Dir, file), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// StateDir is the mesh's folder of state.
func (m *Mesh) StateDir(t testing.TB) string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(m.State, "*", "lock"))
	if err != nil || len(dirs) != 1 {
		t.Fatalf("the mesh has not one state folder: %v, %v", dirs, err)
	}
	return filepath.Dir(dirs[0])
}

// PID reads a process id that krater keeps, by its path within StateDir.
func (m *Mesh) PID(t testing.TB, file string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(m.StateDir(t), file))
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return n
}

// Edit replaces text in a configuration file, and says when it was written.
func (m *Mesh) Edit(t testing.TB, file, old, new string) time.Time {
	t.Helper()
	path := filepath.Join(m.Dir, file)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		t.Fatalf("%s has no %q to edit", file, old)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), old, new, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	return time.Now()
}

// Restore puts a configuration file back, as it was before fn, at the test's end.
func (m *Mesh) Restore(t testing.TB, file string) {
	t.Helper()
	path := filepath.Join(m.Dir, file)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.WriteFile(path, text, 0o644) })
}

// ShortTemp is a temporary folder whose name leaves room for Unix sockets.
func ShortTemp(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "kr")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// freeNetwork gives a "127.x" in which nothing listens on the gateway's ports.
func freeNetwork(t testing.TB) string {
	t.Helper()
	start := os.Getpid()
	for i := range 150 {
		network := fmt.Sprintf("127.%d", 90+(start+i)%150)
		l, err := net.Listen("tcp", network+".0.1:15000")
		if err != nil {
			continue
		}
		l.Close()
		return network
	}
	t.Fatal("no network within 127.0.0.0/8 is free")
	return ""
}
