package build

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func folder(t *testing.T, name, main string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{"main.go": main, "go.mod": "module example.test/f\n\ngo 1.26\n"} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const source = "package main\n\n//go:wasmexport f\nfunc f() int32 { return 7 }\n\nfunc main() {}\n"

// TestTheSameSourceIsTheSameModule: wherever it lies.
func TestTheSameSourceIsTheSameModule(t *testing.T) {
	one, err := Module(t.Context(), Options{Dir: folder(t, "one", source)})
	if err != nil {
		t.Fatal(err)
	}
	two, err := Module(t.Context(), Options{Dir: folder(t, "another", source)})
	if err != nil {
		t.Fatal(err)
	}
	other, err := Module(t.Context(), Options{Dir: folder(t, "one", strings.Replace(source, "7", "8", 1))})
	if err != nil {
		t.Fatal(err)
	}
	if one.Digest != two.Digest || one.Digest == other.Digest {
		t.Errorf("digests: %s, of the same source %s, of another %s", one.Digest, two.Digest, other.Digest)
	}
	if info, err := os.Stat(one.File); err != nil || info.Size() != one.Size || filepath.Base(one.File) != "one.wasm" || !strings.HasPrefix(one.Go, "go1.") {
		t.Errorf("built %+v: %v, %v", one, info, err)
	}
}

func TestACompilersWordsAreTheError(t *testing.T) {
	dir := folder(t, "broken", "package main\n\nfunc main() { undefined() }\n")
	_, err := Module(t.Context(), Options{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "main.go:3:15: undefined: undefined") {
		t.Errorf("the error is %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".build", "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, err := Module(t.Context(), Options{Dir: dir, Go: "no-such-go"}); err == nil || !strings.Contains(err.Error(), "install Go") {
		t.Errorf("without Go: %v", err)
	}
}
