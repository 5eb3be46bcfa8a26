package artifact

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/artifact/registry"
)

// archive is a tar.gz of one file.
func archive(h tar.Header, content io.Reader) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	t := tar.NewWriter(z)
	h.Mode = 0o644
	_ = t.WriteHeader(&h)
	_, _ = io.CopyN(t, content, h.Size)
	t.Close()
	z.Close()
	return b.Bytes()
}

// handMade serves an image whose only layer is what the world says, whatever the
// manifest declares of it.
func (w *world) handMade(layer []byte, mediaType string, size int) model.Module {
	if size == 0 {
		size = len(layer)
	}
	d := digestOf(layer)
	manifest, _ := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
		"config": map[string]any{"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digestOf([]byte("{}")), "size": 2},
		"layers": []any{map[string]any{"mediaType": mediaType, "digest": d, "size": size}}})
	w.serve("/v2/evil/manifests/v1", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
		rw.Write(manifest)
	})
	w.serve("/v2/evil/blobs/"+d, func(rw http.ResponseWriter, _ *http.Request) {
		rw.(http.Flusher).Flush() // no Content-Length
		rw.Write(layer)
	})
	return model.Module{URL: "oci://" + w.host + "/evil:v1"}
}

const (
	tarType = "application/vnd.oci.image.layer.v1.tar+gzip"
	rawType = "application/vnd.module.wasm.content.layer.v1+wasm"
)

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestHostileServersPublishNothing: whatever a server gives, nothing of it
// reaches a proxy, and the problem says what it is.
func TestHostileServersPublishNothing(t *testing.T) {
	_, public := newKey(t)
	evil, _ := newKey(t)
	bomb := archive(tar.Header{Name: "plugin.wasm", Size: 1 << 28, Typeflag: tar.TypeReg}, io.MultiReader(bytes.NewReader(header), zeros{}))
	for name, c := range map[string]struct {
		want  string
		serve func(w *world) model.Module
	}{
		"a zip bomb in an image": {"at most", func(w *world) model.Module { return w.handMade(bomb, tarType, 0) }},
		"a way out of the archive": {"leads out", func(w *world) model.Module {
			return w.handMade(archive(tar.Header{Name: "../../../etc/plugin.wasm", Size: 8, Typeflag: tar.TypeReg}, bytes.NewReader(header)), tarType, 0)
		}},
		"a link in the archive": {"no plain file", func(w *world) model.Module {
			return w.handMade(archive(tar.Header{Name: "plugin.wasm", Linkname: "/etc/shadow", Typeflag: tar.TypeSymlink}, zeros{}), tarType, 0)
		}},
		"a layer that is larger than declared": {"another size", func(w *world) model.Module { return w.handMade(code("xyz"), rawType, 9) }},
		"a layer of more than may be":          {"at most", func(w *world) model.Module { return w.handMade(code("x"), rawType, 200<<20) }},
		"a damaged layer": {"damaged or changed", func(w *world) model.Module {
			m := w.handMade(code("x"), rawType, 0)
			w.serve("/v2/evil/blobs/"+digestOf(code("x")), bytesPage(code("y")))
			return m
		}},
		"another manifest than was asked for": {"digest", func(w *world) model.Module {
			d := w.push("good:v1", code("good"), registry.Artifact)
			w.handMade(code("x"), rawType, 0)
			w.serve("/v2/good/manifests/"+d, w.pages["/v2/evil/manifests/v1"])
			return model.Module{URL: "oci://" + w.host + "/good@" + d}
		}},
		"another module than is pinned": {"pinned", func(w *world) model.Module {
			w.serve("/x", bytesPage(code("x")))
			return model.Module{URL: w.server.URL + "/x", Digest: digestOf(code("y"))}
		}},
		"a wrong signature": {"wanted key", func(w *world) model.Module {
			w.push("x:v1", code("x"), registry.Artifact)
			if _, err := w.client().Sign(context.Background(), w.image("x:v1"), evil); err != nil {
				t.Fatal(err)
			}
			return model.Module{URL: "oci://" + w.host + "/x:v1", Pull: model.ModulePull{Keys: []string{public}}}
		}},
		"no signature": {"nobody signed", func(w *world) model.Module {
			w.push("x:v1", code("x"), registry.Artifact)
			return model.Module{URL: "oci://" + w.host + "/x:v1", Pull: model.ModulePull{Keys: []string{public}}}
		}},
		"a signature without end": {"more than", func(w *world) model.Module {
			w.serve("/x", bytesPage(code("x")))
			w.serve("/x.sig", func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.Copy(rw, zeros{}) })
			return model.Module{URL: w.server.URL + "/x", Pull: model.ModulePull{Keys: []string{public}}}
		}},
		"a module without end": {"more than", func(w *world) model.Module {
			w.policy.MaxBytes = 1 << 20
			w.serve("/x", func(rw http.ResponseWriter, _ *http.Request) {
				_, _ = io.Copy(rw, io.MultiReader(bytes.NewReader(header), zeros{}))
			})
			return model.Module{URL: w.server.URL + "/x"}
		}},
		"200 MB": {"200", func(w *world) model.Module {
			w.serve("/x", func(rw http.ResponseWriter, _ *http.Request) { rw.Header().Set("Content-Length", "209715200") })
			return model.Module{URL: w.server.URL + "/x"}
		}},
		"a server that never ends": {"did not come in time", func(w *world) model.Module {
			w.store.o.Times.Fetch = 300 * time.Millisecond
			w.serve("/x", func(rw http.ResponseWriter, r *http.Request) {
				for r.Context().Err() == nil { // a byte now and then
					_, _ = rw.Write([]byte{0})
					rw.(http.Flusher).Flush()
					select {
					case <-r.Context().Done():
					case <-time.After(10 * time.Millisecond):
					}
				}
			})
			return model.Module{URL: w.server.URL + "/x"}
		}},
		"no module at all": {"not a Wasm module", func(w *world) model.Module {
			w.serve("/x", bytesPage([]byte("<html>login</html>")))
			return model.Module{URL: w.server.URL + "/x"}
		}},
		"a module that verification refuses": {"loop", func(w *world) model.Module {
			w.verdict = func([]byte) Verdict { return Verdict{Refused: "a loop at its start"} }
			w.serve("/x", bytesPage(code("x")))
			return model.Module{URL: w.server.URL + "/x"}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			m := c.serve(w)
			got, err := w.get(m)
			w.nothingPublished(got, err)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the reason is %v, want one that says %q", err, c.want)
			}
			if signed := len(m.Pull.Keys) > 0 && name != "a signature without end"; signed != errors.As(err, new(*Signature)) {
				t.Errorf("it is about a signature: %v", err)
			}
		})
	}
}

// TestNobodyLeadsInside: by a redirect, a name, or a registry's own words,
// nobody has the control plane ask a server of the inside.
func TestNobodyLeadsInside(t *testing.T) {
	var hits atomic.Int32
	inside := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { hits.Add(1); rw.Write(code("secret")) }))
	defer inside.Close()
	insideHost := strings.TrimPrefix(inside.URL, "http://")
	redirect := func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, inside.URL+"/x?token=hidden", http.StatusFound)
	}
	for name, serve := range map[string]func(w *world) model.Module{
		"the URL itself":          func(*world) model.Module { return model.Module{URL: inside.URL + "/x"} },
		"the URL itself over TLS": func(*world) model.Module { return model.Module{URL: "https://" + insideHost + "/x"} },
		"an image's host":         func(*world) model.Module { return model.Module{URL: "oci://" + insideHost + "/x:v1"} },
		"a cloud's metadata":      func(*world) model.Module { return model.Module{URL: "https://169.254.169.254/latest/meta-data"} },
		"a redirect": func(w *world) model.Module {
			w.serve("/x", redirect)
			return model.Module{URL: w.server.URL + "/x"}
		},
		"a redirected layer": func(w *world) model.Module {
			m := w.handMade(code("secret"), rawType, 0)
			w.serve("/v2/evil/blobs/"+digestOf(code("secret")), redirect)
			return m
		},
		"a registry's token service": func(w *world) model.Module {
			m := w.handMade(code("x"), rawType, 0)
			w.serve("/v2/evil/manifests/v1", func(rw http.ResponseWriter, _ *http.Request) {
				rw.Header().Set("WWW-Authenticate", `Bearer realm="`+inside.URL+`/token",service="x"`)
				rw.WriteHeader(http.StatusUnauthorized)
			})
			return m
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			got, err := w.get(serve(w))
			w.nothingPublished(got, err)
			if n := hits.Load(); n > 0 {
				t.Errorf("the server inside was asked %d times", n)
			}
			if err != nil && strings.Contains(err.Error(), "hidden") {
				t.Errorf("the reason tells where it led to: %v", err)
			}
		})
	}
}

func FuzzNote(f *testing.F) {
	f.Add([]byte(`{"module":{"digest":"` + digestOf(nil) + `"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if n, err := readNote(b); err == nil && strings.ContainsAny(Path("", n.Module.Digest), "/\\\x00") {
			t.Errorf("a digest leads elsewhere: %q", n.Module.Digest)
		}
	})
}
