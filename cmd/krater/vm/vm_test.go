package vm

import (
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func machine() Machine {
	return Machine{ControlPlane: "10.0.0.1:15012", TrustDomain: "cluster.local", Namespace: "default", Group: "db", ServiceAccount: "db", DNS: true}
}

func TestTheFolderIsItsOwnersOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "vm")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, TokenFile), []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	f := Folder{Machine: machine(), Token: "eyJhbGciOi", Roots: []byte("r"), ControlPlaneIP: "10.0.0.1"}
	for range 2 { // written anew, it is the same
		if err := f.Write(dir); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]os.FileMode{MeshFile: 0o600, TokenFile: 0o600, RootFile: 0o600, StartFile: 0o700, UnitFile: 0o600, HostsFile: 0o600, ".": 0o700}
	for name, mode := range want {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if got, err := Read(dir); err != nil || got != f.Machine {
		t.Errorf("%+v, %v", got, err)
	}
	for _, name := range []string{MeshFile, StartFile, UnitFile, HostsFile} {
		if text, _ := os.ReadFile(filepath.Join(dir, name)); strings.Contains(string(text), f.Token) {
			t.Errorf("%s has the token", name)
		}
	}
	if out, err := exec.Command("sh", "-n", filepath.Join(dir, StartFile)).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// TestNothingGetsIntoTheScripts: what a group is called is somebody's choice.
func TestNothingGetsIntoTheScripts(t *testing.T) {
	for name, change := range map[string]func(*Machine){
		"a command":     func(m *Machine) { m.TrustDomain = "a; rm -rf /" },
		"a line":        func(m *Machine) { m.TrustDomain = "a\nExecStart=x" },
		"a flag":        func(m *Machine) { m.Group = "-x" },
		"a path":        func(m *Machine) { m.Namespace = "../x" },
		"no group":      func(m *Machine) { m.Group = "" },
		"no address":    func(m *Machine) { m.Address = "here" },
		"no port":       func(m *Machine) { m.ControlPlane = "10.0.0.1" },
		"a wrong port":  func(m *Machine) { m.ControlPlane = "10.0.0.1:x" },
		"a socket":      func(m *Machine) { m.ControlPlane = "unix:/x" },
		"a wrong other": func(m *Machine) { m.Policyd = "$(x):1" },
	} {
		m := machine()
		change(&m)
		if err := (Folder{Machine: m}).Write(t.TempDir()); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestOwnAddress(t *testing.T) {
	m := machine()
	m.ControlPlane = "127.0.0.9:1"
	if got, err := m.OwnAddress(); err != nil || !netip.MustParseAddr(got).IsLoopback() {
		t.Errorf("%s, %v", got, err)
	}
	m.Address = "10.9.9.9"
	if got, _ := m.OwnAddress(); got != "10.9.9.9" {
		t.Error(got)
	}
}

func FuzzMachine(f *testing.F) {
	f.Add([]byte("controlPlane: a:1\ntrustDomain: a\nnamespace: a\ngroup: a\nserviceAccount: a\n"))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := parse(text)
		if err == nil && strings.ContainsAny(m.TrustDomain+m.Group+m.Namespace, " \n;$`'\"") {
			t.Errorf("%+v", m)
		}
	})
}
