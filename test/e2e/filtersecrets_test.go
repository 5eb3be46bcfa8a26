package e2e_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/test/harness"
)

const secretFilter = `
apiVersion: v1
kind: Secret
metadata: {name: upstream}
stringData: {token: the-first-value-of-it, other: nobody-names-this}
---
apiVersion: krater.dev/v1alpha1
kind: Filter
metadata: {name: shows}
spec:
  url: secret.wasm
  config: {key: {secretRef: {name: upstream, key: token}}}
`

func backwards(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}

// TestFiltersTakeSecrets: a filter has the value, the next one after the Secret
// has another, and nobody who looks at the proxy, at Krater or at the disk sees
// it where it is not kept.
func TestFiltersTakeSecrets(t *testing.T) {
	m := small(t, "tiny")
	if out, code := m.Krater(t, "filter", "build", filepath.Join(harness.Root(), "test/e2e/testdata/secretfilter"), "--out", filepath.Join(m.Dir, "secret.wasm")); code != 0 {
		t.Fatal(out)
	}
	if err := os.WriteFile(filepath.Join(m.Dir, "filter.yaml"), []byte(secretFilter), 0o600); err != nil {
		t.Fatal(err)
	}
	m.Start(t)
	one := "http://" + m.Network + ".0.1:8080/"
	shows := func(t *testing.T, header, value string) {
		t.Helper()
		harness.Until(t, 2*time.Minute, "a filter that has the value", func() error {
			a, err := ask("GET", one, "")
			if err != nil || a.status != 200 || a.header.Get(header) != backwards(value) {
				return fmt.Errorf("%d %v (%v)", a.status, a.header, err)
			}
			return nil
		})
	}
	shows(t, "x-opened", "the-first-value-of-it")
	began := m.Edit(t, "filter.yaml", "the-first-value-of-it", "the-second-value-of-it")
	shows(t, "x-opened", "the-second-value-of-it")
	t.Logf("another value was in force after %s", time.Since(began).Round(time.Millisecond))
	values := []string{"the-first-value-of-it", "the-second-value-of-it", "nobody-names-this"}

	t.Run("seen by nobody", func(t *testing.T) {
		seen := map[string]string{"krater's log": m.Log.String()}
		admin := "http://" + m.Network + ".0.1:15000"
		for _, page := range []string{"/config_dump?include_eds", "/server_info", "/stats?usedonly", "/init_dump", "/listeners?format=json"} {
			seen["envoy's "+page] = mustAsk(t, "GET", admin+page, "").body
		}
		if !strings.Contains(seen["envoy's /config_dump?include_eds"], `\"sealed\":`) {
			t.Error("the dump does not even have the sealed value")
		}
		for _, command := range [][]string{
			{"status", m.Dir, "-o", "json"}, {"translate", m.Dir, "--proxy", "one"}, {"analyze", m.Dir}, {"compile", m.Dir},
			{"proxy-config", "listeners", "one", "-o", "json"}, {"proxy-config", "filters", "one", "-o", "json"}, {"proxy-config", "dump", "one"},
		} {
			out, _ := m.Krater(t, command...)
			seen["krater "+strings.Join(command, " ")] = out
		}
		for where, text := range seen {
			for _, value := range values {
				if strings.Contains(text, value) || strings.Contains(text, base64.StdEncoding.EncodeToString([]byte(value))) {
					t.Errorf("%s has %q", where, value)
				}
			}
		}
	})

	t.Run("kept where nobody else reads", func(t *testing.T) {
		kept := 0
		err := filepath.WalkDir(m.State, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			text, err := os.ReadFile(path)
			for _, value := range values {
				encoded := []byte(base64.StdEncoding.EncodeToString([]byte(value)))
				if !bytes.Contains(text, []byte(value)) && !bytes.Contains(text, encoded) {
					continue
				}
				kept++
				info, err := d.Info()
				if err != nil || info.Mode().Perm() != 0o600 {
					t.Errorf("%s has %q, and its mode is %v", path, value, info.Mode())
				}
				if value == "nobody-names-this" && strings.Contains(path, "agents") {
					t.Errorf("%s has what no filter names", path)
				}
			}
			return err
		})
		if err != nil || kept == 0 {
			t.Errorf("%d files, %v", kept, err)
		}
	})

	t.Run("taken away", func(t *testing.T) {
		m.Edit(t, "filter.yaml", "token: the-second-value-of-it, ", "")
		harness.Until(t, time.Minute, "a word about it", func() error {
			if out, _ := m.Krater(t, "status", m.Dir); !strings.Contains(out, `the Secret default/upstream has no key "token"`) {
				return fmt.Errorf("%s", out)
			}
			return nil
		})
		shows(t, "x-opened", "the-second-value-of-it")
		kill(t, m, "agents/default.one/envoy.pid")
		shows(t, "x-opened", "the-second-value-of-it") // from the agent's disk
	})

	t.Run("never there", func(t *testing.T) {
		never := "apiVersion: krater.dev/v1alpha1\nkind: Filter\nmetadata: {name: FAIL}\nspec:\n  url: secret.wasm\n  failurePolicy: FAIL\n" +
			"  config: {header: x-FAIL, key: {secretRef: {name: nobody, key: token}}}\n"
		m.Add(t, "open.yaml", strings.NewReplacer("name: FAIL", "name: open", "x-FAIL", "x-open", "FAIL", "FAIL_OPEN").Replace(never))
		harness.Until(t, time.Minute, "a word about it", func() error {
			if out, _ := m.Krater(t, "status", m.Dir); !strings.Contains(out, "there is no Secret default/nobody") {
				return fmt.Errorf("%s", out)
			}
			return nil
		})
		shows(t, "x-opened", "the-second-value-of-it")
		m.Add(t, "closed.yaml", strings.NewReplacer("name: FAIL", "name: closed", "x-FAIL", "x-closed", "FAIL", "FAIL_CLOSE").Replace(never))
		harness.Until(t, time.Minute, "requests to be refused", func() error {
			if a, err := ask("GET", one, ""); err != nil || a.status != 503 {
				return fmt.Errorf("%d (%v)", a.status, err)
			}
			return nil
		})
		m.Add(t, "nobody.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: nobody}\nstringData: {token: here-now}\n")
		shows(t, "x-open", "here-now")
		shows(t, "x-closed", "here-now")
	})
}
