package distribution_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	ggcr "github.com/google/go-containerregistry/pkg/registry"
	"github.com/krater-mesh/krater/test/harness"
	"golang.org/x/crypto/bcrypt"
)

// The registry's user, where it wants one.
const user, password = "krater", "a-pull-password"

// server is a registry that a test may end.
type server struct {
	host string
	end  func()
}

// startRegistry starts the real registry that `make registry` installs, else
// one of this process. With auth it answers the user only.
func startRegistry(t *testing.T, auth bool) server {
	t.Helper()
	binary := filepath.Join(harness.Root(), ".tools", "registry-3.1.2", "registry")
	if _, err := os.Stat(binary); err != nil {
		t.Log("a registry of this process: `make registry` installs the real one")
		return inProcess(t, auth)
	}
	host := fmt.Sprintf("127.0.0.1:%d", harness.FreePort(t))
	dir := t.TempDir()
	config := "version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: " + dir + "/data}}\nhttp: {addr: \"" + host + "\"}\n"
	if auth {
		hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, "users"), user+":"+string(hash)+"\n")
		config += "auth: {htpasswd: {realm: test, path: " + dir + "/users}}\n"
	}
	write(t, filepath.Join(dir, "config.yml"), config)
	cmd := exec.Command(binary, "serve", filepath.Join(dir, "config.yml"))
	cmd.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none", "OTEL_METRICS_EXPORTER=none")
	out := &harness.Buffer{}
	cmd.Stdout, cmd.Stderr = out, out
	p := harness.StartProcess(t, cmd)
	harness.Until(t, 20*time.Second, "the registry to answer", func() error {
		resp, err := http.Get("http://" + host + "/v2/")
		if err != nil {
			return fmt.Errorf("%w\n%s", err, out)
		}
		return resp.Body.Close()
	})
	return server{host, func() { p.Kill(t) }}
}

func inProcess(t *testing.T, auth bool) server {
	t.Helper()
	inner := ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0)))
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if auth && r.Header.Get("Authorization") != want {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return server{s.Listener.Addr().String(), s.Close}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
