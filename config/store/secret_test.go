package store_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/krater-mesh/krater/config/store"
)

// TestSecretsSurviveARestart: a Secret is kept whole, in a file that nobody
// else reads in a folder that nobody else enters.
func TestSecretsSurviveARestart(t *testing.T) {
	text, err := os.ReadFile("../../crds/testdata/secret.good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "state")
	st := open(t, dir, store.Hooks{})
	r := st.Apply(listing("a.yaml", string(text)))
	commit(t, st, r)
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder: %v, %v", info.Mode(), err)
	}
	files, err := filepath.Glob(dir + "/*")
	if err != nil || len(files) != len(r.Candidates) {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", f, info.Mode(), err)
		}
	}
	after := open(t, dir, store.Hooks{}).Apply(listing("a.yaml", broken))
	if len(after.Candidates) != len(r.Candidates) {
		t.Fatalf("%d secrets are left of %d", len(after.Candidates), len(r.Candidates))
	}
	for _, c := range after.Candidates {
		for _, b := range r.Candidates {
			e := c.Entry
			if e == nil {
				e = c.LastGood
			}
			if b.Ref == c.Ref && (!bytes.Equal(e.Content.Secret.PrivateKey, b.Entry.Content.Secret.PrivateKey) ||
				!bytes.Equal(e.Content.Secret.CA, b.Entry.Content.Secret.CA) || !e.Content.Secret.NotAfter.Equal(b.Entry.Content.Secret.NotAfter)) {
				t.Errorf("%s is another", c.Ref)
			}
		}
	}
}
