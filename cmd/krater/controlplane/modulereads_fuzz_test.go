package controlplane

import (
	"path/filepath"
	"testing"

	"github.com/krater-mesh/krater/xds/artifact"
)

// FuzzModuleName: a name that agents ask for is refused, or is a file of the
// modules' folder itself.
func FuzzModuleName(f *testing.F) {
	f.Add("modules/sha256/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")
	f.Add("modules/sha256/../../ca/authority.json")
	f.Add("modules/sha256/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n")
	f.Fuzz(func(t *testing.T, name string) {
		m := moduleName.FindStringSubmatch(name)
		if m == nil {
			return
		}
		if path := artifact.Path("/modules", "sha256:"+m[1]); filepath.Dir(path) != "/modules" || len(filepath.Base(path)) < 64 || "modules/sha256/"+m[1] != name {
			t.Errorf("%q is %s", name, path)
		}
	})
}
