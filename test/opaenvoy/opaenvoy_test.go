// Package opaenvoy_test holds docs/from-opa-envoy.md to what policyd does
// beside an Envoy that knows of no mesh.
package opaenvoy_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/policyd/opaconfig"
	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/test/readme"
)

func TestMain(m *testing.M) {
	code := m.Run()
	harness.RemoveBinaries()
	os.Exit(code)
}

// file is a block of the page that is a file: "```yaml NAME".
var file = regexp.MustCompile("(?ms)^```(?:yaml|rego) ([a-z.]+)\n(.*?)^```$")

// TestThePageIsTrue executes the page, on ports of the test's own.
func TestThePageIsTrue(t *testing.T) {
	page := harness.Page(t, "from-opa-envoy.md")
	for _, port := range []string{"9191", "10000", "9901"} {
		page = strings.ReplaceAll(page, port, fmt.Sprint(harness.FreePort(t)))
	}
	home := harness.ShortTemp(t)
	t.Cleanup(func() { harness.EndByFile(filepath.Join(home, "pids")) })
	for _, m := range file.FindAllStringSubmatch(page, -1) {
		if err := os.WriteFile(filepath.Join(home, m[1]), []byte(m[2]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	steps := harness.Steps(t, page, 4)
	env := harness.ReaderEnv(t, home, "TMPDIR="+home)
	env = append(env, "PATH="+harness.Binaries(t)+":"+filepath.Dir(harness.EnvoyPath(t))+":"+os.Getenv("PATH"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, s := range steps {
		if err := readme.Run(ctx, s, home, env); err != nil {
			log, _ := os.ReadFile(filepath.Join(home, "policyd.log"))
			proxy, _ := os.ReadFile(filepath.Join(home, "envoy.log"))
			t.Fatalf("%v\npolicyd's log:\n%.3000s\nEnvoy's:\n%.2000s", err, log, proxy)
		}
	}
}

// TestThePageHasEveryKey: as policyd itself has them.
func TestThePageHasEveryKey(t *testing.T) {
	page := harness.Page(t, "from-opa-envoy.md")
	for _, k := range opaconfig.Keys {
		how := "yes"
		if k.Refused {
			how = "refused"
		}
		row := fmt.Sprintf("| `%s` | %s | %s |\n", strings.ReplaceAll(k.Path, "*", "NAME"), how, k.Means)
		if !strings.Contains(page, row) {
			t.Errorf("docs/from-opa-envoy.md lacks: %s", row)
		}
	}
}
