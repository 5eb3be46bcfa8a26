package distribution_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/cmd/krater/controlplane"
	"github.com/krater-mesh/krater/test/harness"
)

// TestFromTheRegistryToTheProxy: a signed module comes by a pull Secret from a
// registry into a real Envoy; an unsigned one does not come; and with the
// registry gone a restart serves what was there.
func TestFromTheRegistryToTheProxy(t *testing.T) {
	r := harness.StartRegistry(t, true)
	m := harness.Sample(t, "test/distribution/testdata/mesh")
	home := t.TempDir()
	krater := func(args ...string) string {
		t.Helper()
		cmd := m.Command(append([]string{"filter"}, args...)...)
		cmd.Dir, cmd.Stdin = home, strings.NewReader(harness.RegistryPassword+"\n")
		cmd.Env = append(cmd.Env, "COSIGN_PASSWORD=", "DOCKER_CONFIG="+home)
		var log strings.Builder
		cmd.Stderr = &log
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("krater filter %s: %v\n%s", strings.Join(args, " "), err, log.String())
		}
		return strings.TrimSpace(string(out))
	}
	as := []string{"--plain-http", "--username", harness.RegistryUser, "--password-stdin"}
	code := read(t, filepath.Join(harness.Root(), "filters/builtin/dist/builtin.wasm"))
	write(t, filepath.Join(home, "one.wasm"), code)
	write(t, filepath.Join(home, "two.wasm"), code+"\x00\x03\x02v2") // a section more: another digest
	krater("keys", "team")
	image := "oci://" + r.Host + "/team/headers"
	one := krater(append([]string{"push", "one.wasm", image + ":v1"}, as...)...)
	two := krater(append([]string{"push", "two.wasm", image + ":v2", "--format", "docker"}, as...)...)
	krater(append([]string{"sign", image + ":v1", "--key", "team.key"}, as...)...)

	mesh := filepath.Join(m.Dir, "mesh.yaml")
	key := strings.ReplaceAll(strings.TrimSpace(read(t, filepath.Join(home, "team.pub"))), "\n", "\n        ")
	policy := "spec:\n  filters:\n    hosts: [{host: \"" + r.Host + "\", private: true, http: true}]\n    signatures:\n    - keys:\n      - |\n        " + key + "\n"
	write(t, mesh, strings.Replace(read(t, mesh), "spec:\n", policy, 1))
	config, _ := json.Marshal(map[string]any{"auths": map[string]any{r.Host: map[string]string{"username": harness.RegistryUser, "password": harness.RegistryPassword}}})
	write(t, filepath.Join(m.Dir, "secret.yaml"), "apiVersion: v1\nkind: Secret\nmetadata: {name: registry}\ntype: kubernetes.io/dockerconfigjson\nstringData:\n  .dockerconfigjson: '"+string(config)+"'\n")
	filter := func(tag, value string) {
		write(t, filepath.Join(m.Dir, "filter.yaml"), "apiVersion: krater.dev/v1alpha1\nkind: Filter\nmetadata: {name: headers}\nspec:\n  selector: {matchLabels: {istio: edge}}\n"+
			"  url: "+image+":"+tag+"\n  pullSecret: registry\n  rootId: headers\n  config: {response: {set: {x-version: "+value+"}}}\n")
	}
	has := func(value string) func() error {
		return func() error {
			resp, err := http.Get(m.Gateway + "/")
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			_, _ = io.Copy(io.Discard, resp.Body)
			if got := resp.Header.Get("x-version"); resp.StatusCode != 200 || got != value {
				return fmt.Errorf("%s, x-version %q, want %q", resp.Status, got, value)
			}
			return nil
		}
	}
	filter("v1", "one")
	m.Start(t)
	harness.Until(t, 40*time.Second, "the signed module", has("one"))
	var s controlplane.Status
	m.KraterJSON(t, &s, "status")
	if len(s.Modules) != 1 || s.Modules[0].State != controlplane.ModuleReady || !strings.HasSuffix(one, "@"+s.Modules[0].Image) || !strings.HasPrefix(s.Modules[0].Signer, "sha256:") {
		t.Errorf("the status tells %+v, pushed was %s", s.Modules, one)
	}

	filter("v2", "two")
	harness.Until(t, 40*time.Second, "the unsigned module to be refused", func() error {
		m.KraterJSON(t, &s, "status")
		for _, p := range s.Problems {
			if p.Code == "KR0027" {
				return has("one")()
			}
		}
		return fmt.Errorf("the problems are %v", s.Problems)
	})
	krater(append([]string{"sign", "oci://" + strings.TrimPrefix(two, "oci://"), "--key", "team.key"}, as...)...)
	harness.Until(t, 60*time.Second, "the module once it is signed", has("two"))

	m.Stop(t)
	r.End()
	m.Start(t)
	harness.Until(t, 40*time.Second, "the module without its registry", has("two"))
	noSecrets(t, m)
}

// noSecrets looks for the registry's password in all that krater wrote for
// others to see.
func noSecrets(t *testing.T, m *harness.Mesh) {
	t.Helper()
	out, _ := m.Krater(t, "status", "-o", "json")
	if strings.Contains(out+m.Log.String(), harness.RegistryPassword) {
		t.Error("the password is in the status or the log")
	}
	err := filepath.WalkDir(m.State, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || strings.Contains(path, "/config/") { // the last good configuration, for its owner only
			return nil
		}
		if b, err := os.ReadFile(path); err == nil && strings.Contains(string(b), harness.RegistryPassword) {
			t.Errorf("the password is in %s", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
