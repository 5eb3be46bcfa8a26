package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/krater-mesh/krater/cmd/krater/vm"
)

func TestAnAgentStartsFromAMachinesFolder(t *testing.T) {
	dir := t.TempDir()
	m := vm.Machine{ControlPlane: "127.0.0.1:15012", TrustDomain: "shop.example", Namespace: "default", Group: "db", ServiceAccount: "db", ExecProbes: true}
	if err := (vm.Folder{Machine: m, Token: "t", Roots: []byte("r")}).Write(dir); err != nil {
		t.Fatal(err)
	}
	f := agentFlags{address: "10.0.0.7"}
	if err := f.fromMachine(dir); err != nil {
		t.Fatal(err)
	}
	if f.address != "10.0.0.7" || f.token != filepath.Join(dir, "token") || f.trustDomain != "shop.example" || f.account != "db" || !f.execProbes || f.up.ControlPlane != m.ControlPlane {
		t.Errorf("%+v", f)
	}
	if err := os.WriteFile(filepath.Join(dir, vm.MeshFile), []byte("controlplane: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.fromMachine(dir); err == nil {
		t.Error("a field that nobody knows is taken")
	}
}

func TestWhereQuestionsAreAnswered(t *testing.T) {
	for _, c := range []struct{ address, flag, want string }{
		{"10.0.0.7", "", "127.0.0.1"}, {"127.80.0.4", "", "127.80.0.4"}, {"10.0.0.7", "0.0.0.0", "0.0.0.0"}, {"fd00::7", "", "127.0.0.1"},
	} {
		f := agentFlags{address: c.address, statusAddress: c.flag}
		if o, err := f.care(func(string) string { return "" }, nil, slog.Default()); err != nil || o.Address != c.want {
			t.Errorf("%s: %s, want %s (%v)", c.address, o.Address, c.want, err)
		}
	}
}

func TestWhatInjectToldTheAgent(t *testing.T) {
	env := map[string]string{appMetricsVariable: "https://127.0.0.1:9102/m?a=b", appProbesVariable: `{"/app-health/web/livez": {"tcpSocket": {"port": 80}}}`}
	o, err := agentFlags{}.care(func(k string) string { return env[k] }, nil, slog.Default())
	if err != nil || o.AppMetrics.Port != 9102 || o.AppMetrics.Path != "/m?a=b" || !o.AppMetrics.HTTPS || o.AppProbes["/app-health/web/livez"].TCP.Port != 80 {
		t.Errorf("%+v, %v", o, err)
	}
	for _, bad := range []string{"127.0.0.1:80", "ftp://127.0.0.1:80/", "http://127.0.0.1/", "http://127.0.0.1:0/", "http://[::1"} {
		if m, err := readAppMetrics(bad); err == nil {
			t.Errorf("%s is taken: %+v", bad, m)
		}
	}
}
