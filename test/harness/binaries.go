package harness

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

var binaries = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "krater-bin-")
	if err != nil {
		return "", err
	}
	for name, pkg := range map[string]string{"krater": "./cmd/krater", "bookinfo": "./samples/bookinfo"} {
		build := exec.Command("go", "build", "-o", filepath.Join(dir, name), pkg)
		build.Dir = Root()
		if out, err := build.CombinedOutput(); err != nil {
			return "", &buildError{pkg, string(out), err}
		}
	}
	return dir, nil
})

type buildError struct {
	pkg, out string
	err      error
}

// Error implements error.
func (e *buildError) Error() string { return "building " + e.pkg + ": " + e.err.Error() + "\n" + e.out }

// Binaries builds krater and bookinfo from the tree as it is, once for each
// test program, and gives the folder they are in.
func Binaries(t testing.TB) string {
	t.Helper()
	dir, err := binaries()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// Build adds another program to Binaries' folder.
func Build(t testing.TB, name, pkg string) {
	t.Helper()
	build := exec.Command("go", "build", "-o", filepath.Join(Binaries(t), name), pkg)
	build.Dir = Root()
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatal(&buildError{pkg, string(out), err})
	}
}

// RemoveBinaries is for the end of TestMain.
func RemoveBinaries() {
	if dir, err := binaries(); err == nil {
		os.RemoveAll(dir)
	}
}
