package filters_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/test/readme"
)

// TestTheSectionOnConfigurationIsTrue generates from the page's Config, and
// has the page's wrong object refused.
func TestTheSectionOnConfigurationIsTrue(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(harness.Root(), "docs/filters.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Configuration\n")
	section, _, _ = strings.Cut(section, "\n## ")
	home := t.TempDir()
	for file, block := range map[string]string{"teapot/config.go": "go config", "wrong.yaml": "yaml wrong"} {
		text := regexp.MustCompile("(?ms)^```" + block + "\n(.*?)^```$").FindStringSubmatch(section)
		if text == nil {
			t.Fatalf("docs/filters.md has no block %q in its section on configuration", block)
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(home, file)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(home, file), []byte(text[1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	steps, err := readme.Parse(strings.ReplaceAll(section, "```console config", "```console"))
	if err != nil || len(steps) < 2 {
		t.Fatalf("%d steps, %v", len(steps), err)
	}
	env := append(os.Environ(), "PATH="+harness.Binaries(t)+":"+os.Getenv("PATH"), "HOME="+home)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, s := range steps {
		if err := readme.Run(ctx, s, home, env); err != nil {
			t.Fatal(err)
		}
	}
}
