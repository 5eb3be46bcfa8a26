package dns

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzResolvers: any resolv.conf names a resolver, or is an error.
func FuzzResolvers(f *testing.F) {
	f.Add([]byte("nameserver 10.0.0.53\nsearch a\n"))
	f.Add([]byte("nameserver fe80::1%eth0\nnameserver"))
	file := filepath.Join(f.TempDir(), "resolv.conf")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if found, err := Resolvers(file); err == nil && len(found) == 0 {
			t.Errorf("%q names none", text)
		}
	})
}
