package stages_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/cmd/krater/stages"
	"github.com/krater-mesh/krater/filters/verify/assemble"
	"github.com/krater-mesh/krater/filters/verify/hostile"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/artifact"
)

// No hostile module is ever given to a proxy: in the place of a good one it is
// a Problem, and the good one stays.
func TestHostileModulesAreNeverPublished(t *testing.T) {
	dir, modules := t.TempDir(), t.TempDir()
	st, err := stages.Open([]string{dir}, "", modules)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	good := assemble.Filter().Bytes()
	digest := publish(t, st, dir, good, "")
	for _, m := range hostile.Modules() {
		code := m.Code()
		if m.Name == "200 MB" && testing.Short() {
			continue
		}
		if have := publish(t, st, dir, code, m.Says); have != digest {
			t.Errorf("%s: in force is %q, want the good one, %q", m.Name, have, digest)
		}
		if sum := sha256.Sum256(code); exists(artifact.Path(modules, "sha256:"+hex.EncodeToString(sum[:]))) {
			t.Errorf("%s: proxies could have it", m.Name)
		}
	}
	if have := publish(t, st, dir, good, ""); have != digest {
		t.Errorf("at last %q is in force", have)
	}
}

// publish puts a module in the place of the one before, and gives the digest
// of what is in force then. Where says is not empty, a Problem must say so.
func publish(t *testing.T, st *stages.Stages, dir string, code []byte, says string) string {
	t.Helper()
	for name, content := range map[string][]byte{"x.wasm": code, "mesh.yaml": []byte(filter(`limits: {memory: 64Mi, startTime: 200ms}`))} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r, err := st.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	told := says == ""
	for _, p := range r.Problems {
		if p.Severity == model.Error && says == "" {
			t.Errorf("a good module: %s", p)
		}
		if p.Code == model.CodeBadModule && p.Field == "spec.url" && strings.Contains(p.Message, says) {
			told = true
		}
	}
	if !told {
		t.Errorf("no Problem says %q: %v", says, r.Problems)
	}
	if len(r.Snapshot.Filters) != 1 {
		return ""
	}
	return r.Snapshot.Filters[0].Module.Digest
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}
