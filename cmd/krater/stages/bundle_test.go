package stages

import (
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"

	"github.com/krater-mesh/krater/model"
)

const bundledRego = "package authz\n\ndefault allow := false\n\nallow if input.attributes.request.http.headers.user in data.users\n"

// packedBundle holds the module and its users, signed where there is a secret.
func packedBundle(t *testing.T, secret string, users ...string) []byte {
	t.Helper()
	module, err := ast.ParseModuleWithOpts("a.rego", bundledRego, ast.ParserOptions{RegoVersion: ast.RegoV1})
	if err != nil {
		t.Fatal(err)
	}
	list := make([]any, len(users))
	for i, u := range users {
		list[i] = u
	}
	b := bundle.Bundle{Data: map[string]any{"users": list}, Modules: []bundle.ModuleFile{{Path: "/a.rego", URL: "/a.rego", Raw: []byte(bundledRego), Parsed: module}}}
	b.Manifest.Init()
	b.Manifest.Revision = strings.Join(users, "+")
	if secret != "" {
		if err := b.GenerateSignature(bundle.NewSigningConfig(secret, "HS256", ""), "ours", false); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := bundle.NewWriter(&out).DisableFormat(true).Write(b); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// bundleServer serves one bundle, to those who show the token.
type bundleServer struct {
	*httptest.Server
	mu        sync.Mutex
	data      []byte
	asked     int // in all
	unsent    int // answered 304
	strangers int // without the token
}

func (s *bundleServer) set(data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data = data
}

func newBundleServer(t *testing.T) *bundleServer {
	s := &bundleServer{}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asked++
		tag := `"` + model.Hash(s.data) + `"`
		switch {
		case r.Header.Get("Authorization") != "Bearer hush":
			s.strangers++
			w.WriteHeader(http.StatusUnauthorized)
		case r.Header.Get("If-None-Match") == tag:
			s.unsent++
			w.WriteHeader(http.StatusNotModified)
		default:
			w.Header().Set("ETag", tag)
			_, _ = w.Write(s.data)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *bundleServer) mesh(t *testing.T, dir string) {
	t.Helper()
	certificate := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	text := fmt.Sprintf(`apiVersion: krater.dev/v1alpha1
kind: Mesh
metadata: {name: mesh}
spec:
  fetch:
    hosts:
    - host: %s
      private: true
      ca: |
%s
---
apiVersion: v1
kind: Secret
metadata: {name: bundles, namespace: default}
stringData: {token: hush, hmac: shared}
---
apiVersion: krater.dev/v1alpha1
kind: RegoPolicy
metadata: {name: authz, namespace: default}
spec:
  query: data.authz.allow
  bundle:
    url: %s/authz.tar.gz
    refresh: 1s
    token: {secretRef: {name: bundles, key: token}}
    signature:
      keys: [{id: ours, algorithm: HS256, secretRef: {name: bundles, key: hmac}}]
`, strings.TrimPrefix(s.URL, "https://"), indented(certificate), s.URL)
	if err := os.WriteFile(filepath.Join(dir, "mesh.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// following runs stages over a folder as a control plane does.
type following struct {
	t       *testing.T
	stages  *Stages
	changed chan struct{}
}

func follow(t *testing.T, dir, state string) *following {
	t.Helper()
	f := &following{t: t, changed: make(chan struct{}, 1)}
	var err error
	f.stages, err = OpenFollowing([]string{dir}, state, t.TempDir(), func() {
		select {
		case f.changed <- struct{}{}:
		default:
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// until runs the stages, now and at each change, until what they come to is
// wanted.
func (f *following) until(what string, wanted func(Result) bool) Result {
	f.t.Helper()
	late := time.After(20 * time.Second)
	for {
		r, err := f.stages.Run(context.Background())
		if err != nil {
			f.t.Fatal(err)
		}
		if wanted(r) {
			return r
		}
		select {
		case <-f.changed:
		case <-late:
			f.t.Fatalf("not seen: %s; %v", what, r.Problems)
		}
	}
}

func users(r Result) string {
	if len(r.Snapshot.Rego) == 0 {
		return ""
	}
	return r.Snapshot.Rego[0].Data
}

func has(r Result, code string, severity model.Severity) bool {
	for _, p := range r.Problems {
		if p.Code == code && p.Severity == severity {
			return true
		}
	}
	return false
}

// TestBundleIsFollowed: a new one is in force, one that is not signed never
// is, and neither an outage nor a restart takes the last good one down.
func TestBundleIsFollowed(t *testing.T) {
	server := newBundleServer(t)
	server.set(packedBundle(t, "shared", "anna"))
	dir, state := t.TempDir(), t.TempDir()
	server.mesh(t, dir)
	f := follow(t, dir, state)
	r := f.until("the bundle", func(r Result) bool { return users(r) == `{"users":["anna"]}` })
	if b := r.Snapshot.Rego[0].Bundle; b.Revision != "anna" || b.Digest == "" || len(r.Snapshot.Rego[0].Modules) != 1 {
		t.Errorf("%+v", r.Snapshot.Rego[0])
	}
	if strings.Contains(fmt.Sprintf("%+v", r), "hush") {
		t.Error("the token is in the result")
	}
	server.set(packedBundle(t, "shared", "anna", "berta"))
	f.until("a new bundle", func(r Result) bool { return users(r) == `{"users":["anna","berta"]}` })

	server.set(packedBundle(t, "of somebody else", "mallory"))
	r = f.until("the bad signature", func(r Result) bool { return has(r, model.CodeBadSignature, model.Warning) })
	if users(r) != `{"users":["anna","berta"]}` {
		t.Errorf("in force: %s", users(r))
	}
	if err := f.stages.Save(); err != nil {
		t.Fatal(err)
	}
	f.stages.Close()
	server.Close()

	again := follow(t, dir, state)
	defer again.stages.Close()
	again.until("the last good one after a restart, without the server", func(r Result) bool { return users(r) == `{"users":["anna","berta"]}` })
	if server.strangers > 0 || server.unsent == 0 && server.asked > 4 {
		t.Errorf("asked %d times, %d without the token, %d unchanged", server.asked, server.strangers, server.unsent)
	}
}

// TestUnsignedBundleIsNoPolicy: without a last good one the policy denies.
func TestUnsignedBundleIsNoPolicy(t *testing.T) {
	server := newBundleServer(t)
	server.set(packedBundle(t, "", "mallory"))
	dir := t.TempDir()
	server.mesh(t, dir)
	f := follow(t, dir, t.TempDir())
	defer f.stages.Close()
	r := f.until("the missing signature", func(r Result) bool { return has(r, model.CodeBadSignature, model.Error) })
	if len(r.Snapshot.Rego) != 0 || len(r.Snapshot.Authorization) != 1 || !r.Snapshot.Authorization[0].Substitute {
		t.Errorf("%+v %+v", r.Snapshot.Rego, r.Snapshot.Authorization)
	}
}

// TestBundleOfAFile: beside the policy's own modules and data.
func TestBundleOfAFile(t *testing.T) {
	dir := t.TempDir()
	put := func(name string, data []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	policy := func(data string) {
		put("policy.yaml", []byte("apiVersion: krater.dev/v1alpha1\nkind: RegoPolicy\nmetadata: {name: authz, namespace: default}\nspec:\n"+
			"  query: data.authz.allow\n  data: "+data+"\n  modules: [{name: own.rego, source: package own}]\n  bundle: {url: authz.tar.gz}\n"))
	}
	put("authz.tar.gz", packedBundle(t, "", "anna"))
	policy("{limit: 3}")
	f := follow(t, dir, "")
	defer f.stages.Close()
	r := f.until("the bundle", func(r Result) bool { return users(r) == `{"limit":3,"users":["anna"]}` })
	if len(r.Snapshot.Rego[0].Modules) != 2 {
		t.Errorf("%+v", r.Snapshot.Rego[0].Modules)
	}
	put("authz.tar.gz", packedBundle(t, "", "berta"))
	f.until("another one", func(r Result) bool { return users(r) == `{"limit":3,"users":["berta"]}` })
	put("authz.tar.gz", []byte("no bundle"))
	r = f.until("a broken one", func(r Result) bool { return has(r, model.CodeBundle, model.Error) })
	if users(r) != `{"limit":3,"users":["berta"]}` {
		t.Errorf("in force: %s", users(r))
	}
	put("authz.tar.gz", packedBundle(t, "", "anna"))
	policy("{users: []}")
	r = f.until("what both hold", func(r Result) bool { return has(r, model.CodeBundle, model.Error) })
	if !strings.Contains(r.Problems[0].Message, "data.users is in the bundle, and in spec.data") && !strings.Contains(fmt.Sprint(r.Problems), "data.users is in the bundle") {
		t.Error(r.Problems)
	}
}

func indented(text string) string {
	return "        " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n        ")
}
