package registry

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	ggcr "github.com/google/go-containerregistry/pkg/registry"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/artifact/signature"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

var module = append([]byte{0, 'a', 's', 'm', 1, 0, 0, 0}, bytes.Repeat([]byte("krater"), 1000)...)

// rig is a registry of this process, and a client of it.
type rig struct {
	t      *testing.T
	server *httptest.Server
	client *Client
	// answer, where it is set, answers in the registry's place if it says so.
	answer func(http.ResponseWriter, *http.Request) bool
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t}
	inner := ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0)))
	r.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if r.answer == nil || !r.answer(w, q) {
			inner.ServeHTTP(w, q)
		}
	}))
	t.Cleanup(r.server.Close)
	r.client = &Client{HTTP: r.server.Client(), PlainHTTP: true, MaxBytes: 1 << 20}
	return r
}

func (r *rig) url(rest string) model.ModuleURL {
	r.t.Helper()
	u, err := model.ParseModuleURL("oci://" + strings.TrimPrefix(r.server.URL, "http://") + "/" + rest)
	if err != nil {
		r.t.Fatal(err)
	}
	return u
}

func (r *rig) push(rest string, f Format) string {
	r.t.Helper()
	d, err := r.client.Push(context.Background(), r.url(rest), module, f)
	if err != nil {
		r.t.Fatal(err)
	}
	return d
}

// put pushes an image that is made by hand.
func (r *rig) put(rest, mediaType string, layers ...part) string {
	r.t.Helper()
	repo, err := r.client.repository(r.url(rest))
	if err != nil {
		r.t.Fatal(err)
	}
	m := ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: mediaType}
	d, err := r.client.pushImage(context.Background(), repo, r.url(rest).Tag, m, part{mediaType: ocispec.MediaTypeImageConfig, content: []byte("{}")}, layers)
	if err != nil {
		r.t.Fatal(err)
	}
	return d
}

func (r *rig) pull(rest string) ([]byte, *Image, error) {
	i, err := r.client.Open(context.Background(), r.url(rest))
	if err != nil {
		return nil, nil, err
	}
	code, err := i.Module(context.Background())
	return code, i, err
}

func TestEachFormatComesBack(t *testing.T) {
	r := newRig(t)
	for _, f := range Formats {
		d := r.push("team/"+string(f)+":v1", f)
		for _, name := range []string{":v1", "@" + d, ":v1@" + d} {
			code, i, err := r.pull("team/" + string(f) + name)
			if err != nil || !bytes.Equal(code, module) || i.Digest != d || i.Manifest != d {
				t.Errorf("%s%s: %d bytes, %v", f, name, len(code), err)
			}
		}
		if again := r.push("team/"+string(f)+":v2", f); again != d {
			t.Errorf("%s: the same module is %s, and then %s", f, d, again)
		}
	}
	if _, _, err := r.pull("team/none:v1"); !Gone(err) {
		t.Errorf("an image that is not there: %v", err)
	}
}

// Of an index the module for Wasm is taken, and both digests are known.
func TestIndexes(t *testing.T) {
	r := newRig(t)
	repo, err := r.client.repository(r.url("x:v1"))
	if err != nil {
		t.Fatal(err)
	}
	inner := r.push("x:inner", Compat)
	push := func(tag string, list ...ocispec.Descriptor) string {
		b, err := json.Marshal(ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: list})
		if err != nil {
			t.Fatal(err)
		}
		d := part{mediaType: ocispec.MediaTypeImageIndex, content: b}.descriptor()
		if err := repo.Manifests().PushReference(context.Background(), d, bytes.NewReader(b), tag); err != nil {
			t.Fatal(err)
		}
		return d.Digest.String()
	}
	_, raw, err := manifest(context.Background(), repo, inner)
	if err != nil {
		t.Fatal(err)
	}
	good := part{mediaType: ocispec.MediaTypeImageManifest, content: raw}.descriptor()
	at := func(d ocispec.Descriptor, os, arch string) ocispec.Descriptor {
		d.Platform = &ocispec.Platform{OS: os, Architecture: arch}
		return d
	}
	about := at(good, "unknown", "unknown")
	for name, list := range map[string][]ocispec.Descriptor{"one": {good}, "wasm": {at(good, "linux", "arm64"), at(good, "wasip1", "wasm")},
		"amd64": {at(good, "linux", "amd64"), at(good, "linux", "arm64")}, "described": {at(good, "linux", "arm64"), about}} {
		d := push(name, list...)
		code, i, err := r.pull("x:" + name)
		if err != nil || !bytes.Equal(code, module) || i.Digest != d || i.Manifest != inner {
			t.Errorf("%s: %d bytes, %+v, %v", name, len(code), i, err)
		}
	}
	push("two", at(good, "linux", "arm64"), at(good, "linux", "riscv64"))
	push("nested", ocispec.Descriptor{MediaType: ocispec.MediaTypeImageIndex, Digest: "sha256:" + good.Digest[7:], Size: good.Size})
	if _, _, err := r.pull("x:two"); !isInvalid(err) {
		t.Errorf("which of two: %v", err)
	}
}

func isInvalid(err error) bool { return errors.As(err, new(*Invalid)) }

func gzipped(files ...func(*tar.Writer)) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, f := range files {
		f(w)
	}
	w.Close()
	z.Close()
	return b.Bytes()
}

func file(name string, content []byte) func(*tar.Writer) {
	return func(w *tar.Writer) {
		_ = w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content)), Typeflag: tar.TypeReg})
		_, _ = w.Write(content)
	}
}

func link(name, to string, kind byte) func(*tar.Writer) {
	return func(w *tar.Writer) { _ = w.WriteHeader(&tar.Header{Name: name, Linkname: to, Typeflag: kind}) }
}

func TestArchivesThatAreTaken(t *testing.T) {
	for name, layer := range map[string][]byte{
		"plain": gzipped(file("plugin.wasm", module)), "dot": gzipped(file("./plugin.wasm", module)), "root": gzipped(file("/plugin.wasm", module)),
		"folder": gzipped(file("opt/plugin.wasm", module)), "others": gzipped(file("README", []byte("x")), file("plugin.wasm", module), file("z", nil)),
	} {
		if code, err := extract(layer, 1<<20); err != nil || !bytes.Equal(code, module) {
			t.Errorf("%s: %d bytes, %v", name, len(code), err)
		}
	}
}

func TestArchivesThatAreNot(t *testing.T) {
	bomb := func(n int64) []byte {
		return gzipped(func(w *tar.Writer) {
			_ = w.WriteHeader(&tar.Header{Name: "plugin.wasm", Size: n, Typeflag: tar.TypeReg})
			_, _ = io.CopyN(w, zeros{}, n)
		})
	}
	many := make([]func(*tar.Writer), maxEntries+1)
	for i := range many {
		many[i] = file(fmt.Sprint(i), nil)
	}
	aside := gzipped(func(w *tar.Writer) {
		_ = w.WriteHeader(&tar.Header{Name: "padding", Size: 64 << 20, Typeflag: tar.TypeReg})
		_, _ = io.CopyN(w, zeros{}, 64<<20)
	}, file("plugin.wasm", module))
	for name, c := range map[string]struct {
		layer []byte
		want  string
	}{
		"a zip bomb":            {bomb(256 << 20), "bytes, at most"},
		"a bomb beside it":      {aside, "unpacks to more"},
		"a way out":             {gzipped(file("../../etc/plugin.wasm", module)), "leads out"},
		"a way out in the name": {gzipped(file("a/../plugin.wasm", module)), "leads out"},
		"a symbolic link":       {gzipped(link("plugin.wasm", "/etc/passwd", tar.TypeSymlink)), "no plain file"},
		"a hard link":           {gzipped(link("plugin.wasm", "../key", tar.TypeLink)), "no plain file"},
		"a device":              {gzipped(link("plugin.wasm", "", tar.TypeChar)), "no plain file"},
		"a folder":              {gzipped(link("plugin.wasm/", "", tar.TypeDir)), "no plain file"},
		"two":                   {gzipped(file("plugin.wasm", module), file("./plugin.wasm", []byte("x"))), "twice"},
		"none":                  {gzipped(file("other.wasm", module)), "no plugin.wasm"},
		"too many files":        {gzipped(many...), "files"},
		"not gzip":              {module, "not gzip"},
		"not tar": {func() []byte {
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			z.Write(module)
			z.Close()
			return b.Bytes()
		}(), "no tar"},
		"cut": {gzipped(file("plugin.wasm", module))[:40], "tar"},
	} {
		if code, err := extract(c.layer, 1<<20); !isInvalid(err) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %d bytes, %v, want %q", name, len(code), err, c.want)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestImagesThatHoldNoModule(t *testing.T) {
	r := newRig(t)
	r.put("a:empty", ocispec.MediaTypeImageManifest)
	r.put("a:odd", ocispec.MediaTypeImageManifest, part{mediaType: "text/plain", content: module})
	r.put("a:two", ocispec.MediaTypeImageManifest, part{mediaType: wasmModule, content: module}, part{mediaType: soloModule, content: module})
	r.put("a:large", ocispec.MediaTypeImageManifest, part{mediaType: wasmModule, content: make([]byte, 1<<20+1)})
	for tag, want := range map[string]string{"empty": "no layers", "odd": "text/plain", "two": "which", "large": "at most"} {
		if _, _, err := r.pull("a:" + tag); !isInvalid(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", tag, err, want)
		}
	}
}

// A registry that gives other bytes than it says.
func TestRegistriesThatLie(t *testing.T) {
	lie := func(path string, body func(w http.ResponseWriter)) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, q *http.Request) bool {
			if q.Method != http.MethodGet || !strings.Contains(q.URL.Path, path) {
				return false
			}
			body(w)
			return true
		}
	}
	layer := "/blobs/" + digest.FromBytes(module).String()
	changed := append(bytes.Clone(module[:len(module)-1]), 'X')
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request) bool
		want   string
	}{
		"a damaged layer": {lie(layer, func(w http.ResponseWriter) { w.Write(changed) }), "damaged or changed"},
		"a longer layer": {lie(layer, func(w http.ResponseWriter) {
			w.WriteHeader(200)
			w.(http.Flusher).Flush()
			w.Write(append(bytes.Clone(module), 1))
		}), "another size"},
		"a shorter layer":   {lie(layer, func(w http.ResponseWriter) { w.Write(module[:10]) }), "Length"},
		"another manifest":  {lie("/manifests/", func(w http.ResponseWriter) { w.Write([]byte(`{"schemaVersion":2}`)) }), "type"},
		"no manifest":       {lie("/manifests/", func(w http.ResponseWriter) { w.Write([]byte("<html>")) }), "JSON"},
		"a manifest's bomb": {lie("/manifests/", func(w http.ResponseWriter) { io.CopyN(w, zeros{}, maxManifest+1) }), ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			d := r.push("a:v1", Artifact)
			r.answer = c.answer
			if _, _, err := r.pull("a:v1"); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("by tag: %v, want %q", err, c.want)
			}
			if code, _, err := r.pull("a@" + d); err == nil {
				t.Errorf("by digest: %d bytes", len(code))
			}
		})
	}
}

func TestTheRegistrysUser(t *testing.T) {
	r := newRig(t)
	r.push("a:v1", Artifact)
	r.answer = func(w http.ResponseWriter, q *http.Request) bool {
		if user, password, ok := q.BasicAuth(); ok && user == "me" && password == "hunter2" {
			return false
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	}
	if _, _, err := r.pull("a:v1"); err == nil {
		t.Error("nobody gets it")
	}
	host := strings.TrimPrefix(r.server.URL, "http://")
	for config, want := range map[string]bool{
		`{"auths":{"` + host + `":{"auth":"bWU6aHVudGVyMg=="}}}`:                    true,
		`{"auths":{"` + host + `":{"username":"me","password":"hunter2"}}}`:         true,
		`{"auths":{"` + host + `":{"username":"me","password":"wrong"}}}`:           false,
		`{"auths":{"other.example.com":{"username":"me","password":"hunter2"}}}`:    false,
		`{"auths":{"` + host + `":{"auth":"not base64 hunter2"}},"credsStore":"x"}`: false,
	} {
		var err error
		r.client.Credential, err = FromDockerConfig([]byte(config))
		if err == nil {
			_, _, err = r.pull("a:v1")
		}
		if (err == nil) != want {
			t.Errorf("%s: %v", config, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error tells the password: %v", err)
		}
	}
}

func TestSignaturesBesideAnImage(t *testing.T) {
	r := newRig(t)
	ctx := context.Background()
	ours, _ := signature.NewKey(false)
	theirs, _ := signature.NewKey(true)
	ourKey, _ := signature.PublicOf(ours)
	theirKey, _ := signature.PublicOf(theirs)
	open := func(rest string) *Image {
		t.Helper()
		i, err := r.client.Open(ctx, r.url(rest))
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	unsigned := func(what string, i *Image, keys ...*signature.PublicKey) {
		t.Helper()
		if by, err := i.Signer(ctx, keys); !errors.As(err, new(*Unsigned)) {
			t.Errorf("%s: signed by %q, %v", what, by, err)
		}
	}
	d := r.push("a:v1", Artifact)
	unsigned("not signed", open("a:v1"), ourKey)
	if got, err := r.client.Sign(ctx, r.url("a:v1"), theirs); err != nil || got != d {
		t.Fatal(got, err)
	}
	unsigned("by another key", open("a:v1"), ourKey)
	if got, err := r.client.Sign(ctx, r.url("a:v1"), ours); err != nil || got != d {
		t.Fatal(got, err)
	}
	for _, k := range []*signature.PublicKey{ourKey, theirKey} { // the second did not take the place of the first
		if by, err := open("a:v1").Signer(ctx, []*signature.PublicKey{k}); err != nil || by != k.Fingerprint() {
			t.Errorf("signed by %q, %v", by, err)
		}
	}
	// Another image, with the signatures of the first under its own name.
	other := r.put("a:v2", ocispec.MediaTypeImageManifest, part{mediaType: wasmModule, content: []byte("other")})
	repo, _ := r.client.repository(r.url("a:v2"))
	desc, b, err := manifest(ctx, repo, signature.Tag(d))
	if err != nil {
		t.Fatal(err)
	}
	if err := repo.Manifests().PushReference(ctx, desc, bytes.NewReader(b), signature.Tag(other)); err != nil {
		t.Fatal(err)
	}
	unsigned("with another image's signature", open("a:v2"), ourKey)
	// A payload that was not what was signed.
	third := r.put("a:v3", ocispec.MediaTypeImageManifest, part{mediaType: wasmModule, content: []byte("third")})
	text, _ := signature.Payload("x", third)
	wrong, _ := signature.Sign(ours, []byte("something else"))
	r.put("a:"+signature.Tag(third), ocispec.MediaTypeImageManifest, part{mediaType: signature.PayloadType, content: text, annotations: map[string]string{signature.Annotation: wrong}})
	unsigned("with a signature of something else", open("a:v3"), ourKey)
}

func FuzzExtract(f *testing.F) {
	f.Add(gzipped(file("plugin.wasm", []byte("x"))))
	f.Add(gzipped(link("plugin.wasm", "/x", tar.TypeSymlink)))
	f.Fuzz(func(t *testing.T, layer []byte) {
		if code, err := extract(layer, 4096); err == nil && len(code) > 4096 {
			t.Errorf("%d bytes", len(code))
		}
	})
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","layers":[{"mediaType":"application/wasm","size":1}]}`))
	f.Add([]byte(`{"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"platform":{"os":"wasi"}}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		i := &Image{}
		m, err := readDocument(ocispec.Descriptor{}, b)
		if err != nil {
			return
		}
		if m.Manifests != nil {
			_, _ = choose(m.Manifests)
		} else if i.find(m) == nil && i.layer.MediaType == "" {
			t.Error("a layer without a type")
		}
	})
}
