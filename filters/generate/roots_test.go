package generate

import (
	"os"
	"path/filepath"
	"testing"
)

func TestDescribeFindsRoots(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	for file, text := range map[string]string{
		filepath.Join(dir, "main.go"): `package main

import (
	"x/other"

	"github.com/krater-mesh/krater/filters/sdk"
	"github.com/krater-mesh/krater/filters/sdk/guest"
)

var roots = []sdk.Root{{ID: "own", New: New}, {ID: "net", NewNetwork: other.New}}

func init() { guest.Register(append(roots, sdk.Root{New: nil})...) }
`,
		filepath.Join(dir, "main_test.go"):         "package main\n\nvar _ = sdk.Root{ID: \"test\"}\n",
		filepath.Join(dir, SchemaFile):             `{"a":1}`,
		filepath.Join(other, "config", SchemaFile): `{"b":2}`,
	} {
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d, err := Describe(dir, func(path string) (string, error) {
		if path != "x/other" {
			t.Errorf("looked for %s", path)
		}
		return other, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	have := ""
	for _, r := range d.Roots {
		have += r.ID + " " + r.Type + " " + string(r.Schema) + "\n"
	}
	if want := "own HTTP {\"a\":1}\nnet NETWORK {\"b\":2}\n HTTP {\"a\":1}\n"; have != want {
		t.Errorf("found\n%swant\n%s", have, want)
	}
}
