// Package identity_test holds the manual's page on certificates to what
// Krater does.
package identity_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/test/readme"
)

// TestThePageOnCertificatesIsTrue executes each step of docs/certificates.md.
func TestThePageOnCertificatesIsTrue(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(harness.Root(), "docs/certificates.md"))
	if err != nil {
		t.Fatal(err)
	}
	steps, err := readme.Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	if len(steps) < 6 {
		t.Fatalf("%d steps: is the page still fenced as console?", len(steps))
	}
	home, err := os.MkdirTemp("", "kr") // short: there are sockets in it
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(home)
	defer end(filepath.Join(home, "pid"))
	env := append(os.Environ(), "PATH="+harness.Binaries(t)+":"+os.Getenv("PATH"), "KRATER_STATE="+home, "HOME="+home, "TMPDIR="+home)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, s := range steps {
		if err := readme.Run(ctx, s, home, env); err != nil {
			log, _ := os.ReadFile(filepath.Join(home, "log"))
			t.Fatalf("%v\nthe control plane's log:\n%.4000s", err, log)
		}
	}
}

// end ends the control plane, if the page was not told to its end.
func end(pidFile string) {
	text, err := os.ReadFile(pidFile)
	if err != nil {
		return
	}
	if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
		_ = syscall.Kill(pid, syscall.SIGTERM)
	}
}
