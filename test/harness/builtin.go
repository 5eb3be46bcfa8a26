package harness

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/krater-mesh/krater/filters/builtin/dist"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/translate"
)

// Builtin puts the built-in filters' module where Envoy finds it.
func Builtin(t testing.TB) translate.Options {
	t.Helper()
	code, err := dist.Module()
	if err != nil {
		t.Fatalf("the built-in filters: %v; run `make filters`", err)
	}
	sum := sha256.Sum256(code)
	digest := hex.EncodeToString(sum[:])
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, digest+".wasm"), code, 0o600); err != nil {
		t.Fatal(err)
	}
	return translate.Options{ModuleDir: dir, Builtin: model.Module{URL: model.BuiltinModule, Digest: "sha256:" + digest, Size: int64(len(code))}}
}
