package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"

	"github.com/krater-mesh/krater/model"
)

const source = "package authz\n\nallow if input.user in data.users\n"

// tarball packs files in their order.
func tarball(t testing.TB, files ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for i := 0; i < len(files); i += 2 {
		if err := w.WriteHeader(&tar.Header{Name: files[i], Mode: 0o600, Size: int64(len(files[i+1]))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(files[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestRead(t *testing.T) {
	b, err := Read(tarball(t, "/authz/a.rego", source, "/data.json", `{"users": ["anna"], "n": 12345678901234567890}`,
		"/roles/data.yaml", "admin: [anna]\n", "/.manifest", `{"revision": "r7", "roots": [""]}`), Options{})
	want := Bundle{Revision: "r7", Modules: []model.RegoModule{{Name: "authz/a.rego", Source: source}},
		Data: `{"n":12345678901234567890,"roles":{"admin":["anna"]},"users":["anna"]}`}
	if diff := cmp.Diff(want, b); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

// TestOldRego: a bundle of before Rego v1 says nothing of its version.
func TestOldRego(t *testing.T) {
	b, err := Read(tarball(t, "/a.rego", "package authz\n\nallow { input.x == 1 }\n"), Options{})
	if err != nil || len(b.Modules) != 1 {
		t.Error(b, err)
	}
}

func TestRefused(t *testing.T) {
	defer func(before int64) { maxUnpacked = before }(maxUnpacked)
	maxUnpacked = 1 << 20
	for want, data := range map[string][]byte{
		"it is no .tar.gz":        []byte("package authz"),
		"it is larger than":       make([]byte, MaxBytes+1),
		"it unpacks to more than": tarball(t, "/data.json", strings.Repeat(" ", 1<<20)),
		"rego_parse_error":        tarball(t, "/a.rego", "package authz\n\nallow if"),
		"it holds changes only":   tarball(t, "/patch.json", `{"data": [{"op": "upsert", "path": "/a", "value": 1}]}`),
		"it decides by Wasm":      tarball(t, "/policy.wasm", "x", "/.manifest", `{"wasm": [{"entrypoint": "authz/allow", "module": "/policy.wasm"}]}`),
		"bundle load failed on":   tarball(t, "/data.json", "{"),
	} {
		if b, err := Read(data, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("wanted %q, got %v, %v", want, err, b)
		}
	}
}

// signer is a key with the public half of it as an option.
func signer(t testing.TB) (private string, public Key) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	open, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret})),
		Key{"ES256", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: open}))}
}

// signed is a bundle as opa sign leaves it.
func signed(t testing.TB, private, id string) []byte {
	t.Helper()
	module, err := ast.ParseModuleWithOpts("a.rego", source, ast.ParserOptions{RegoVersion: ast.RegoV1})
	if err != nil {
		t.Fatal(err)
	}
	b := bundle.Bundle{Data: map[string]any{"users": []any{"anna"}},
		Modules: []bundle.ModuleFile{{Path: "/a.rego", URL: "/a.rego", Raw: []byte(source), Parsed: module}}}
	b.Manifest.Init()
	if err := b.GenerateSignature(bundle.NewSigningConfig(private, "ES256", ""), id, false); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := bundle.NewWriter(&out).DisableFormat(true).Write(b); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestSignatures(t *testing.T) {
	private, public := signer(t)
	_, other := signer(t)
	good := signed(t, private, "ours")
	if _, err := Read(good, Options{Keys: map[string]Key{"ours": public}}); err != nil {
		t.Errorf("a good one: %v", err)
	}
	if _, err := Read(good, Options{}); err != nil {
		t.Errorf("a signed one where none is wanted: %v", err)
	}
	for name, c := range map[string]struct {
		data []byte
		o    Options
	}{
		"by another key":         {good, Options{Keys: map[string]Key{"ours": other}}},
		"by a key of other name": {good, Options{Keys: map[string]Key{"theirs": public}}},
		"by another algorithm":   {good, Options{Keys: map[string]Key{"ours": {"RS256", public.Text}}}},
		"of another scope":       {good, Options{Keys: map[string]Key{"ours": public}, Scope: "read"}},
		"not signed":             {tarball(t, "/a.rego", source), Options{Keys: map[string]Key{"ours": public}}},
		"signatures of nothing":  {tarball(t, "/a.rego", source, "/.signatures.json", `{"signatures": []}`), Options{Keys: map[string]Key{"ours": public}}},
		"changed":                {changed(t, good), Options{Keys: map[string]Key{"ours": public}}},
		"with one file more":     {added(t, good), Options{Keys: map[string]Key{"ours": public}}},
	} {
		if b, err := Read(c.data, c.o); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v, %v", name, err, b)
		}
	}
}

// repacked packs a bundle anew, each file as edit leaves it.
func repacked(t testing.TB, data []byte, edit func(name, text string) string, more ...string) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err != nil {
			break
		}
		var text bytes.Buffer
		if _, err := text.ReadFrom(r); err != nil {
			t.Fatal(err)
		}
		files = append(files, h.Name, edit(h.Name, text.String()))
	}
	return tarball(t, append(files, more...)...)
}

func changed(t testing.TB, data []byte) []byte {
	return repacked(t, data, func(name, text string) string {
		if strings.HasSuffix(name, "data.json") {
			return strings.ReplaceAll(text, "anna", "mallory")
		}
		return text
	})
}

func added(t testing.TB, data []byte) []byte {
	return repacked(t, data, func(_, text string) string { return text }, "/more/data.json", `{"users": ["mallory"]}`)
}

// FuzzRead: whatever a server sends is read or refused; a bundle that is to be
// signed is only taken as it was signed.
func FuzzRead(f *testing.F) {
	private, public := signer(f)
	good := signed(f, private, "ours")
	f.Add(good)
	f.Add(changed(f, good))
	f.Add(tarball(f, "/a.rego", source, "/data.json", `{}`, "/.manifest", `{}`))
	want, err := Read(good, Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = Read(data, Options{})
		if b, err := Read(data, Options{Keys: map[string]Key{"ours": public}}); err == nil && cmp.Diff(want, b) != "" {
			t.Error("another bundle is taken for the signed one")
		}
	})
}
