package artifact

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/krater-mesh/krater/model"
)

// module is the smallest core module.
var module = append([]byte(nil), header...)

// resolve asks a store that waits for a filter's module.
func resolve(s *Store, url, pin, baseDir string) (model.Module, error) {
	return s.Resolve(context.Background(), Request{BaseDir: baseDir, Filter: &model.FilterBinding{Module: model.Module{URL: url, Digest: pin}}})
}

func write(t *testing.T, name string, data []byte) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestAFileBecomesAModuleByDigest(t *testing.T) {
	dir := write(t, "x.wasm", module)
	s := New(Options{Dir: filepath.Join(t.TempDir(), "modules")})
	sum := sha256.Sum256(module)
	pin := hex.EncodeToString(sum[:])
	for _, url := range []string{"./x.wasm", "x.wasm", "file://./x.wasm", "file://" + filepath.Join(dir, "x.wasm")} {
		m, err := resolve(s, url, "sha256:"+pin, dir)
		if err != nil {
			t.Fatalf("%s: %v", url, err)
		}
		if m.Digest != "sha256:"+pin || m.Size != int64(len(module)) || m.URL != url {
			t.Errorf("%s: %+v", url, m)
		}
		kept, err := os.ReadFile(s.Path(m.Digest))
		if err != nil || string(kept) != string(module) {
			t.Errorf("%s is kept as %x, %v", url, kept, err)
		}
	}
}

func TestWhatIsNoModuleIsRefused(t *testing.T) {
	for _, c := range []struct {
		name, pin, want string
		data            []byte
	}{
		{"text", "", "text/plain", []byte("hello, this is no module")},
		{"empty", "", "it is empty", nil},
		{"component", "", "component", []byte{0, 'a', 's', 'm', 0x0d, 0, 1, 0}},
		{"version", "", "version 1", []byte{0, 'a', 's', 'm', 2, 0, 0, 0}},
		{"pinned", strings.Repeat("0", 64), "not the pinned", module},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := write(t, "x.wasm", c.data)
			_, err := resolve(New(Options{Dir: t.TempDir()}), "./x.wasm", c.pin, dir)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "x.wasm") {
				t.Errorf("got %v, want an error that names the file and says %q", err, c.want)
			}
		})
	}
	for url, want := range map[string]string{
		"ftp://example.com/x.wasm": "not from",
		"./nowhere.wasm":           "no such file",
		"builtin:headers":          "make filters",
		"file://":                  "names no file",
	} {
		if _, err := resolve(New(Options{Dir: t.TempDir()}), url, "", t.TempDir()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", url, err, want)
		}
	}
}

func TestADamagedFileIsWrittenAgain(t *testing.T) {
	s := New(Options{Dir: t.TempDir()})
	m, err := s.AddBuiltin(module)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.Path(m.Digest), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.AddBuiltin(module); err != nil {
		t.Fatal(err)
	}
	if kept, _ := os.ReadFile(s.Path(m.Digest)); string(kept) != string(module) {
		t.Errorf("the file holds %q", kept)
	}
	b, err := resolve(s, "builtin:headers", "", "")
	if err != nil || b.Digest != m.Digest || b.URL != "builtin:headers" {
		t.Errorf("builtin:headers is %+v, %v", b, err)
	}
}

// What is too large, or no file, is not even read.
func TestFilesThatAreNotRead(t *testing.T) {
	dir := write(t, "large.wasm", module)
	if err := os.Truncate(filepath.Join(dir, "large.wasm"), 200<<20); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder.wasm"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.wasm"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"large": "a module may have", "folder": "is no file", "pipe": "is no file"} {
		s := New(Options{Dir: t.TempDir()})
		if m, err := resolve(s, "./"+name+".wasm", "", dir); err == nil || !strings.Contains(err.Error(), want) || m.Digest != "" {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
}
