// Package identity_test holds the manual's page on certificates to what
// Krater does.
package identity_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/test/readme"
)

// TestThePageOnCertificatesIsTrue executes each step of docs/certificates.md.
func TestThePageOnCertificatesIsTrue(t *testing.T) {
	steps := harness.Steps(t, harness.Page(t, "certificates.md"), 6)
	home, err := os.MkdirTemp("", "kr") // short: there are sockets in it
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(home)
	defer harness.EndByFile(filepath.Join(home, "pid"))
	env := harness.ReaderEnv(t, home, "KRATER_STATE="+home, "TMPDIR="+home)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, s := range steps {
		if err := readme.Run(ctx, s, home, env); err != nil {
			log, _ := os.ReadFile(filepath.Join(home, "log"))
			t.Fatalf("%v\nthe control plane's log:\n%.4000s", err, log)
		}
	}
}
