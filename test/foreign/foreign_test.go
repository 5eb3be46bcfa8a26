// Package foreign_test brings filters that Go did not build the way of all
// modules: verified, pushed to a registry, pulled, run by real Envoys.
package foreign_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
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

// rustc builds a file of testdata/rust, and gives the module's file.
func rustc(t *testing.T, name string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), name+".wasm")
	for _, compiler := range []string{"rustc", "/usr/bin/rustc"} {
		root, err := exec.Command(compiler, "--print", "sysroot").Output()
		if err != nil || !isDir(filepath.Join(strings.TrimSpace(string(root)), "lib/rustlib/wasm32-unknown-unknown")) {
			continue
		}
		build := exec.Command(compiler, "--edition=2021", "--target=wasm32-unknown-unknown", "--crate-type=cdylib",
			"-Copt-level=s", "-Cpanic=abort", "-Cstrip=symbols", "-o", out, "testdata/rust/"+name+".rs")
		if said, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, said)
		}
		return out
	}
	t.Fatal("no rustc for Wasm; run `make rust`")
	return ""
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func TestFiltersOfOtherCompilers(t *testing.T) {
	host := harness.StartRegistry(t, false).Host
	m := harness.Sample(t, "test/distribution/testdata/mesh")
	mesh := filepath.Join(m.Dir, "mesh.yaml")
	allow := "spec:\n  filters:\n    hosts: [{host: \"" + host + "\", private: true, http: true}]\n"
	write(t, mesh, strings.Replace(read(t, mesh), "spec:\n", allow, 1))

	modules := map[string]struct{ file, header, abi string }{
		"rust-library": {rustc(t, "library"), "x-rust", "0.2.1"},
		"rust-command": {rustc(t, "command"), "x-rust", "0.2.0"},
		"tinygo":       {"testdata/tinygo/filter.wasm", "x-tinygo", "0.2.0"},
	}
	for name, f := range modules {
		verified(t, m, f.file, f.abi)
		image := "oci://" + host + "/filters/" + name
		krater(t, m, "push", f.file, image+":v1", "--plain-http")
		write(t, filepath.Join(m.Dir, name+".yaml"), "apiVersion: krater.dev/v1alpha1\nkind: Filter\nmetadata: {name: "+name+"}\nspec:\n"+
			"  selector: {matchLabels: {istio: edge}}\n  url: "+image+":v1\n  config: "+name+"\n")
	}
	m.Start(t)
	harness.Until(t, 60*time.Second, "each filter's header", func() error { return answered(m.Gateway + "/path?query") })

	// A configuration that the filter refuses is a Problem, and the one before stays.
	write(t, filepath.Join(m.Dir, "tinygo.yaml"), strings.Replace(read(t, filepath.Join(m.Dir, "tinygo.yaml")), "  config: tinygo\n", "", 1))
	harness.Until(t, 30*time.Second, "the refusal", func() error {
		out, _ := m.Krater(t, "status", "-o", "json")
		if !strings.Contains(out, "the configuration is the header's text, and it is empty") {
			return fmt.Errorf("status says %s", out)
		}
		return nil
	})
	if err := answered(m.Gateway + "/path?query"); err != nil {
		t.Error(err)
	}
}

// verified runs `krater filter verify`, with an Envoy.
func verified(t *testing.T, m *harness.Mesh, file, abi string) {
	t.Helper()
	var v struct {
		Module struct {
			ABI      string
			Requests int
		}
		Envoy struct{ Requests int }
	}
	out := krater(t, m, "verify", file, "--config", "text", "--requests", "300", "-o", "json")
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatal(err)
	}
	if v.Module.ABI != abi || v.Module.Requests < 300 || v.Envoy.Requests != 200 {
		t.Errorf("%s: %s", file, out)
	}
	if out := krater(t, m, "verify", file, "--no-envoy"); !strings.Contains(out, "the configuration is the header's text, and it is empty") {
		t.Errorf("%s without a configuration: %s", file, out)
	}
}

func krater(t *testing.T, m *harness.Mesh, args ...string) string {
	t.Helper()
	cmd := m.Command(append([]string{"filter"}, args...)...)
	cmd.Dir = "."
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("krater filter %s: %v\n%s%s", strings.Join(args, " "), err, out, said.String())
	}
	return string(out)
}

// answered tells whether an answer has what each filter adds.
func answered(url string) error {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	rust, tinygo := strings.Join(resp.Header.Values("x-rust"), ","), resp.Header.Get("x-tinygo")
	if resp.StatusCode != http.StatusOK || !strings.Contains(rust, `"rust-library" /path?query`) || !strings.Contains(rust, `"rust-command" /path?query`) || tinygo != `"tinygo" /path?query` {
		return fmt.Errorf("%s, x-rust %q, x-tinygo %q", resp.Status, rust, tinygo)
	}
	return nil
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
