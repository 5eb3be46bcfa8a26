package filters_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/filters/module"
	"github.com/krater-mesh/krater/filters/verify/assemble"
	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/test/readme"
)

// TestTheSectionOnConfigurationIsTrue generates from the page's Config, and
// has the page's wrong object refused.
func TestTheSectionOnConfigurationIsTrue(t *testing.T) {
	section := harness.Section(t, "filters.md", "Configuration")
	both := section + harness.Section(t, "filters.md", "Secrets")
	home := t.TempDir()
	for file, block := range map[string]string{"teapot/config.go": "go config", "wrong.yaml": "yaml wrong", "good/secrets.yaml": "yaml secrets"} {
		text := regexp.MustCompile("(?ms)^```" + block + "\n(.*?)^```$").FindStringSubmatch(both)
		if text == nil {
			t.Fatalf("docs/filters.md has no block %q in its sections on configuration and secrets", block)
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(home, file)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(home, file), []byte(text[1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	steps := harness.Steps(t, strings.ReplaceAll(section, "```console config", "```console"), 2)
	env := harness.ReaderEnv(t, home)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, s := range steps {
		if err := readme.Run(ctx, s, home, env); err != nil {
			t.Fatal(err)
		}
	}
	// A module that takes what the page's Config says takes the page's Secret.
	schema, err := os.ReadFile(filepath.Join(home, "teapot", "config.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	code, err := module.WithDescription(assemble.Filter().Bytes(), module.Description{Roots: []module.Root{{Type: module.HTTP, Schema: schema}}})
	if err == nil {
		err = os.WriteFile(filepath.Join(home, "good", "teapot.wasm"), code, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	analyze := exec.CommandContext(ctx, filepath.Join(harness.Binaries(t), "krater"), "analyze", filepath.Join(home, "good"))
	analyze.Env = env
	if out, err := analyze.CombinedOutput(); err != nil || !strings.Contains(string(out), "0 errors, 0 warnings") {
		t.Errorf("%v\n%s", err, out)
	}
}
