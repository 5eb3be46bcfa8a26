package artifact

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	ggcr "github.com/google/go-containerregistry/pkg/registry"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/artifact/registry"
	"github.com/krater-mesh/krater/xds/artifact/signature"
)

// world is a server of modules of this process, which is a registry, too, and
// a store that runs as in the control plane.
type world struct {
	t       *testing.T
	dir     string
	store   *Store
	policy  *model.ModulePolicy
	changed chan struct{}
	server  *httptest.Server
	host    string

	mu      sync.Mutex
	pages   map[string]http.HandlerFunc
	asked   map[string]int
	verdict func([]byte) Verdict
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: filepath.Join(t.TempDir(), "modules"), changed: make(chan struct{}, 100), pages: map[string]http.HandlerFunc{}, asked: map[string]int{}}
	images := ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0)))
	w.server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.asked[r.URL.Path]++
		page := w.pages[r.URL.Path]
		w.mu.Unlock()
		switch {
		case page != nil:
			page(rw, r)
		case strings.HasPrefix(r.URL.Path, "/v2/"):
			images.ServeHTTP(rw, r)
		default:
			http.NotFound(rw, r)
		}
	}))
	t.Cleanup(func() { w.server.CloseClientConnections(); w.server.Close() })
	w.host = strings.TrimPrefix(w.server.URL, "http://")
	w.policy = &model.ModulePolicy{Hosts: []model.FetchHost{{Host: w.host, Private: true, HTTP: true}}}
	w.open()
	return w
}

// open starts the store, as after a restart.
func (w *world) open() {
	if w.store != nil {
		w.store.Close()
	}
	w.store = New(Options{Dir: w.dir, Verifier: "v1", Changed: func() { w.changed <- struct{}{} },
		Verify: func(_ context.Context, code []byte, _ *model.FilterBinding) Verdict {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.asked["verify"]++
			if w.verdict != nil {
				return w.verdict(code)
			}
			return Verdict{}
		},
		Times: Times{Fetch: 2 * time.Second, Retry: 20 * time.Millisecond, Longest: 50 * time.Millisecond, Pull: 30 * time.Millisecond}})
	w.t.Cleanup(w.store.Close)
}

func (w *world) serve(path string, page http.HandlerFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pages[path] = page
}

func (w *world) count(what string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked[what]
}

func bytesPage(b []byte) http.HandlerFunc {
	return func(rw http.ResponseWriter, _ *http.Request) { rw.Write(b) }
}

// push writes an image to the world's registry.
func (w *world) push(name string, code []byte, f registry.Format) string {
	w.t.Helper()
	d, err := w.client().Push(context.Background(), w.image(name), code, f)
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

func (w *world) client() *registry.Client {
	return &registry.Client{HTTP: w.server.Client(), PlainHTTP: true, MaxBytes: MaxSize}
}

func (w *world) image(name string) model.ModuleURL {
	u, err := model.ParseModuleURL("oci://" + w.host + "/" + name)
	if err != nil {
		w.t.Fatal(err)
	}
	return u
}

// ask asks once.
func (w *world) ask(m model.Module, more ...func(*Request)) (model.Module, error) {
	r := Request{Filter: &model.FilterBinding{Object: model.Ref{Kind: "Filter", Namespace: "default", Name: "x"}, Module: m}, Policy: w.policy}
	for _, f := range more {
		f(&r)
	}
	return w.store.Resolve(context.Background(), r)
}

// get asks until it is known what comes of it.
func (w *world) get(m model.Module, more ...func(*Request)) (model.Module, error) {
	w.t.Helper()
	for end := time.Now().Add(10 * time.Second); ; {
		got, err := w.ask(m, more...)
		if !errors.Is(err, ErrPending) {
			return got, err
		}
		select {
		case <-w.changed:
		case <-time.After(time.Until(end)):
			w.t.Fatalf("%s stays pending", m.URL)
		}
	}
}

// until asks until an answer is as wanted.
func (w *world) until(m model.Module, want func(model.Module, error) bool) {
	w.t.Helper()
	for end := time.Now().Add(10 * time.Second); ; {
		got, err := w.ask(m)
		if want(got, err) {
			return
		}
		select {
		case <-w.changed:
		case <-time.After(time.Until(end)):
			w.t.Fatalf("%s stays %+v, %v", m.URL, got, err)
		}
	}
}

// kept are the modules on disk.
func (w *world) kept() []string {
	paths, _ := filepath.Glob(filepath.Join(w.dir, "*.wasm"))
	var out []string
	for _, p := range paths {
		out = append(out, strings.TrimSuffix(filepath.Base(p), ".wasm"))
	}
	return out
}

// nothingPublished holds that nothing of a try is to be had.
func (w *world) nothingPublished(m model.Module, err error) {
	w.t.Helper()
	if m.Digest != "" || err == nil {
		w.t.Errorf("published: %+v, %v", m, err)
	}
	if kept := w.kept(); len(kept) > 0 {
		w.t.Errorf("kept: %v", kept)
	}
}

// code is a module that is unlike others.
func code(text string) []byte { return append(bytes.Clone(header), text...) }

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func newKey(t *testing.T) (crypto.Signer, string) {
	t.Helper()
	k, err := signature.NewKey(false)
	if err != nil {
		t.Fatal(err)
	}
	public, err := signature.PublicOf(k)
	if err != nil {
		t.Fatal(err)
	}
	return k, string(public.PEM())
}

func writeTo(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
