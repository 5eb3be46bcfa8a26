package harness

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// The user of a registry that wants one.
const RegistryUser, RegistryPassword = "krater", "a-pull-password"

// Registry is a real OCI registry that a test may end.
type Registry struct {
	Host string // 127.0.0.1:PORT
	End  func()
}

// StartRegistry starts the registry that `make registry` installs. With auth
// it answers RegistryUser only.
func StartRegistry(t *testing.T, auth bool) Registry {
	t.Helper()
	binary := filepath.Join(Root(), ".tools", "registry", "registry")
	if _, err := os.Stat(binary); err != nil {
		t.Fatalf("no registry at %s: run `make registry`", binary)
	}
	host := fmt.Sprintf("127.0.0.1:%d", FreePort(t))
	dir := t.TempDir()
	config := "version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: " + dir + "/data}}\nhttp: {addr: \"" + host + "\"}\n"
	if auth {
		hash, err := bcrypt.GenerateFromPassword([]byte(RegistryPassword), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "users"), []byte(RegistryUser+":"+string(hash)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		config += "auth: {htpasswd: {realm: test, path: " + dir + "/users}}\n"
	}
	if err := os.WriteFile(filepath.Join(dir, "config.yml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "serve", filepath.Join(dir, "config.yml"))
	cmd.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none", "OTEL_METRICS_EXPORTER=none")
	out := &Buffer{}
	cmd.Stdout, cmd.Stderr = out, out
	p := StartProcess(t, cmd)
	Until(t, 20*time.Second, "the registry to answer", func() error {
		resp, err := http.Get("http://" + host + "/v2/")
		if err != nil {
			return fmt.Errorf("%w\n%s", err, out)
		}
		return resp.Body.Close()
	})
	return Registry{host, func() { p.Kill(t) }}
}
