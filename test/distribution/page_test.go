package distribution_test

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

var (
	yamlBlock = regexp.MustCompile("(?ms)^```yaml [a-z]+\n(.*?)^```$")
	publicKey = regexp.MustCompile(`(?s)-----BEGIN PUBLIC KEY-----.*-----END PUBLIC KEY-----`)
)

// TestThePageIsTrue executes the steps of docs/filters.md on signatures, with
// the page's Mesh and Filter and a registry of its own. The key of the Mesh is
// the one that the first step makes.
func TestThePageIsTrue(t *testing.T) {
	where, who := harness.Section(t, "filters.md", "Where modules come from"), harness.Section(t, "filters.md", "Signatures")
	steps := harness.Steps(t, who, 3)
	r := harness.StartRegistry(t, false)
	real := strings.NewReplacer("localhost:5000", r.Host)
	home := t.TempDir()
	code := read(t, filepath.Join(harness.Root(), ".build/greeting.wasm"))
	write(t, filepath.Join(home, "greeting.wasm"), code)
	if err := os.Mkdir(filepath.Join(home, "mesh"), 0o755); err != nil {
		t.Fatal(err)
	}
	mesh := real.Replace(yamlBlock.FindStringSubmatch(where)[1])
	write(t, filepath.Join(home, "mesh/filter.yaml"), real.Replace(yamlBlock.FindStringSubmatch(who)[1]))
	env := harness.ReaderEnv(t, home, "DOCKER_CONFIG="+home)
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	for _, s := range steps {
		if err := readme.Run(ctx, s.Replace(real), home, env); err != nil {
			t.Fatal(err)
		}
		if key, err := os.ReadFile(filepath.Join(home, "team.pub")); err == nil {
			indented := strings.ReplaceAll(strings.TrimSpace(string(key)), "\n", "\n        ")
			write(t, filepath.Join(home, "mesh/mesh.yaml"), publicKey.ReplaceAllLiteralString(mesh, indented))
		}
	}
}
