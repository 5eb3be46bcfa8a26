package artifact

import (
	"crypto"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/artifact/registry"
	"github.com/krater-mesh/krater/xds/artifact/signature"
)

func TestAModuleComesInTheBackground(t *testing.T) {
	w := newWorld(t)
	gate := make(chan struct{})
	w.serve("/x.wasm", func(rw http.ResponseWriter, _ *http.Request) { <-gate; rw.Write(code("x")) })
	m := model.Module{URL: w.server.URL + "/x.wasm"}
	for range 3 {
		if got, err := w.ask(m); !errors.Is(err, ErrPending) || got.Digest != "" {
			t.Fatalf("got %+v, %v while it comes", got, err)
		}
	}
	close(gate)
	got, err := w.get(m)
	if err != nil || got.Digest != digestOf(code("x")) || got.Size != int64(len(code("x"))) || got.URL != m.URL {
		t.Errorf("got %+v, %v", got, err)
	}
	if n := w.count("/x.wasm"); n != 1 {
		t.Errorf("it was asked for %d times", n)
	}
}

func TestEachWayOfPinning(t *testing.T) {
	w := newWorld(t)
	x := code("x")
	image := w.push("team/x:v1", x, registry.Compat)
	w.serve("/x.wasm", bytesPage(x))
	oci := "oci://" + w.host + "/team/x"
	for _, c := range []struct {
		url, pin string
		good     bool
	}{
		{w.server.URL + "/x.wasm", "", true}, {w.server.URL + "/x.wasm", digestOf(x), true}, {w.server.URL + "/x.wasm", digestOf(code("y")), false},
		{oci + ":v1", "", true}, {oci + ":v1", image, true}, {oci + ":v1", digestOf(x), true}, {oci + ":v1", digestOf(code("y")), false},
		{oci + "@" + image, "", true}, {oci + "@" + image, digestOf(x), true}, {oci + "@" + digestOf(code("y")), "", false},
		{oci + ":v1@" + image, image, true},
	} {
		got, err := w.get(model.Module{URL: c.url, Digest: c.pin})
		if (err == nil) != c.good {
			t.Errorf("%s pinned to %q: %v", c.url, c.pin, err)
		}
		if c.good && (got.Digest != digestOf(x) || strings.HasPrefix(c.url, "oci") && got.Image != image) {
			t.Errorf("%s pinned to %q: %+v", c.url, c.pin, got)
		}
	}
}

// Without the network a restart finds what was there before it.
func TestARestartNeedsNoNetwork(t *testing.T) {
	w := newWorld(t)
	x := code("x")
	w.push("x:v1", x, registry.Artifact)
	m := model.Module{URL: "oci://" + w.host + "/x:v1"}
	if _, err := w.get(m); err != nil {
		t.Fatal(err)
	}
	w.server.Close()
	w.open()
	if got, err := w.ask(m); err != nil || got.Digest != digestOf(x) {
		t.Errorf("after a restart: %+v, %v", got, err)
	}
	other := m
	other.Pull.Secret = "mine" // may be another's who must not have it
	if got, err := w.ask(other); got.Digest != "" || err == nil {
		t.Errorf("with another pull Secret: %+v, %v", got, err)
	}
	for name, spoil := range map[string]func(){
		"the verifier is another": func() { w.store.o.Verifier = "v2" },
		"the file is damaged":     func() { writeTo(t, w.store.Path(digestOf(x)), []byte("damaged")) },
		"the file is gone":        func() { os.Remove(w.store.Path(digestOf(x))) },
	} {
		w.open()
		spoil()
		if got, err := w.ask(m); got.Digest != "" || !errors.Is(err, ErrPending) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// What may change is looked at again; what is new and bad is not published.
func TestWhatMayChangeIsLookedAtAgain(t *testing.T) {
	w := newWorld(t)
	w.push("x:latest", code("one"), registry.Artifact)
	m := model.Module{URL: "oci://" + w.host + "/x:latest", Pull: model.ModulePull{Always: true}}
	if got, err := w.get(m); err != nil || got.Digest != digestOf(code("one")) {
		t.Fatal(got, err)
	}
	w.push("x:latest", code("two"), registry.Artifact)
	w.until(m, func(got model.Module, err error) bool { return err == nil && got.Digest == digestOf(code("two")) })
	w.push("x:latest", []byte("no module"), registry.Artifact)
	w.until(m, func(got model.Module, err error) bool {
		return err != nil && strings.Contains(err.Error(), "not a Wasm module") && got.Digest == digestOf(code("two"))
	})
	w.push("x:latest", code("three"), registry.Artifact)
	w.until(m, func(got model.Module, err error) bool { return err == nil && got.Digest == digestOf(code("three")) })

	still := model.Module{URL: "oci://" + w.host + "/x:latest", Digest: ""}
	still.Pull.Keys = nil
	before := w.count("/v2/x/manifests/latest")
	if got, err := w.ask(still); err != nil || got.Digest != digestOf(code("three")) {
		t.Errorf("another object of the same image: %+v, %v, asked %d times before", got, err, before)
	}
}

func TestAServerThatIsDownIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	down := make(chan struct{})
	w.serve("/x.wasm", func(rw http.ResponseWriter, _ *http.Request) {
		select {
		case <-down:
			rw.Write(code("x"))
		default:
			rw.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	m := model.Module{URL: w.server.URL + "/x.wasm"}
	if got, err := w.get(m); err == nil || !strings.Contains(err.Error(), "503") || got.Digest != "" {
		t.Errorf("while it is down: %+v, %v", got, err)
	}
	if n := w.count("/x.wasm"); n < tries {
		t.Errorf("it was asked %d times", n)
	}
	close(down)
	w.until(m, func(got model.Module, err error) bool { return err == nil && got.Digest == digestOf(code("x")) })
}

func TestWhatStaysPendingCountsAsMissing(t *testing.T) {
	w := newWorld(t)
	w.store.o.Times.Pending = 50 * time.Millisecond
	end := make(chan struct{})
	w.serve("/x.wasm", func(http.ResponseWriter, *http.Request) { <-end })
	defer close(end)
	m := model.Module{URL: w.server.URL + "/x.wasm"}
	if _, err := w.ask(m); !errors.Is(err, ErrPending) {
		t.Fatal(err)
	}
	<-w.changed // nobody asked: patience ended
	if got, err := w.ask(m); got.Digest != "" || err == nil || errors.Is(err, ErrPending) || !strings.Contains(err.Error(), "did not come") {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestAFileThatIsBuiltAnew(t *testing.T) {
	w := newWorld(t)
	path := filepath.Join(t.TempDir(), "x.wasm")
	m := model.Module{URL: path}
	writeTo(t, path, code("one"))
	if got, err := w.get(m); err != nil || got.Digest != digestOf(code("one")) {
		t.Fatal(got, err)
	}
	w.verdict = func(b []byte) Verdict {
		if strings.HasSuffix(string(b), "bad") {
			return Verdict{Refused: "it loops at its start"}
		}
		return Verdict{}
	}
	writeTo(t, path, code("bad"))
	for range 2 {
		if got, err := w.get(m); err == nil || !strings.Contains(err.Error(), "loops") || got.Digest != digestOf(code("one")) {
			t.Errorf("a bad one: %+v, %v", got, err)
		}
	}
	if n := w.count("verify"); n != 2 {
		t.Errorf("verified %d times", n)
	}
	writeTo(t, path, code("two"))
	if got, err := w.get(m); err != nil || got.Digest != digestOf(code("two")) {
		t.Errorf("a good one: %+v, %v", got, err)
	}
	os.Remove(path)
	if got, err := w.get(m); err == nil || got.Digest != digestOf(code("two")) {
		t.Errorf("gone: %+v, %v", got, err)
	}
}

// Each way of signing, asked for by the mesh or by the object.
func TestSignatures(t *testing.T) {
	w := newWorld(t)
	x := code("x")
	key, public := newKey(t)
	other, otherPublic := newKey(t)
	ourKey, _ := signature.ParsePublicKey(public)
	sign := func(k crypto.Signer, b []byte) []byte {
		text, err := signature.Sign(k, b)
		if err != nil {
			t.Fatal(err)
		}
		return []byte(text + "\n")
	}
	w.push("signed:v1", x, registry.Artifact)
	w.push("other:v1", x, registry.Wasm)
	w.push("none:v1", x, registry.Docker)
	for name, k := range map[string]crypto.Signer{"signed:v1": key, "other:v1": other} {
		if _, err := w.client().Sign(t.Context(), w.image(name), k); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	for name, sig := range map[string][]byte{"signed": sign(key, x), "other": sign(other, x), "none": nil,
		"changed": sign(key, code("y")), "odd": []byte("no signature")} {
		writeTo(t, filepath.Join(dir, name), x)
		w.serve("/"+name, bytesPage(x))
		if sig != nil {
			writeTo(t, filepath.Join(dir, name+".sig"), sig)
			w.serve("/"+name+".sig", bytesPage(sig))
		}
	}
	rules := func(keys ...string) *model.ModulePolicy {
		p := *w.policy
		p.Signatures = []model.SignatureRule{{Keys: keys}}
		return &p
	}
	plain := w.policy
	for _, base := range []string{"oci://" + w.host + "/%:v1", w.server.URL + "/%", "file://" + dir + "/%"} {
		for name, good := range map[string]bool{"signed": true, "other": false, "none": false, "changed": false, "odd": false} {
			url := strings.Replace(base, "%", name, 1)
			if strings.HasPrefix(base, "oci") && (name == "changed" || name == "odd") {
				continue
			}
			for who, c := range map[string]struct {
				policy *model.ModulePolicy
				keys   []string
			}{"the mesh": {rules(public), nil}, "the object": {plain, []string{public}}, "both": {rules(public), []string{public}}} {
				w.policy = c.policy
				got, err := w.get(model.Module{URL: url, Pull: model.ModulePull{Keys: c.keys}})
				if good && (err != nil || got.Signer != ourKey.Fingerprint()) {
					t.Errorf("%s, asked for by %s: %+v, %v", url, who, got, err)
				}
				if wrong := new(Signature); !good && (!errors.As(err, &wrong) || got.Digest != "") {
					t.Errorf("%s, asked for by %s: %+v, %v", url, who, got, err)
				}
			}
			w.policy = rules(public) // the mesh's key does not stand in for the object's
			if got, err := w.get(model.Module{URL: url, Pull: model.ModulePull{Keys: []string{otherPublic}}}); err == nil {
				t.Errorf("%s has one of two wanted signatures: %+v", url, got)
			}
			w.policy = plain
		}
	}
}

func TestASweepLeavesWhatIsNamed(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"one", "two", "three"} {
		w.serve("/"+name, bytesPage(code(name)))
		if _, err := w.get(model.Module{URL: w.server.URL + "/" + name}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.store.AddBuiltin(code("builtin")); err != nil {
		t.Fatal(err)
	}
	w.store.Sweep(func(string) bool { return false }, 0)
	if n := len(w.kept()); n != 4 {
		t.Fatalf("%d modules are left of those that filters have", n)
	}
	for range 3 { // filters that are there no more
		w.store.Round()
		if _, err := w.ask(model.Module{URL: w.server.URL + "/one"}); err != nil {
			t.Fatal(err)
		}
	}
	w.store.Sweep(func(string) bool { return false }, time.Hour)
	if n := len(w.kept()); n != 4 {
		t.Errorf("%d modules are left of those that are young", n)
	}
	w.store.Sweep(func(d string) bool { return d == digestOf(code("two")) }, 0)
	want := []string{digestOf(code("one"))[7:], digestOf(code("two"))[7:], digestOf(code("builtin"))[7:]}
	slices.Sort(want)
	if got := w.kept(); !slices.Equal(got, want) {
		t.Errorf("left are %v, want %v", got, want)
	}
	for _, folder := range []string{"sources", "verified"} {
		files, _ := os.ReadDir(filepath.Join(w.dir, folder))
		for _, f := range files {
			if b, _ := os.ReadFile(filepath.Join(w.dir, folder, f.Name())); strings.Contains(string(b)+f.Name(), digestOf(code("three"))[7:]) {
				t.Errorf("%s/%s is left", folder, f.Name())
			}
		}
	}
}
