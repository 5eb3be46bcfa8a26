package stages

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/krater-mesh/krater/model"
)

// keyServer serves a key set, or whatever it is told.
type keyServer struct {
	*httptest.Server
	set   atomic.Value // string; "" is a failure
	asked atomic.Int64
}

func newKeyServer(t *testing.T) *keyServer {
	s := &keyServer{}
	s.set.Store("")
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		switch set := s.set.Load().(string); {
		case set == "":
			http.Error(w, "away", http.StatusServiceUnavailable)
		case strings.HasSuffix(r.URL.Path, "/openid-configuration"):
			fmt.Fprintf(w, `{"issuer":"x","jwks_uri":"http://%s/keys"}`, r.Host)
		default:
			_, _ = w.Write([]byte(set))
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func keySet(t *testing.T, kid string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: kid}}})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// life is a control plane's stages, over restarts.
type life struct {
	t       *testing.T
	dir     string
	state   string
	s       *Stages
	changed chan struct{}
	last    Result
}

func newLife(t *testing.T, server *keyServer) *life {
	l := &life{t: t, dir: t.TempDir(), state: t.TempDir()}
	l.write("mesh.yaml", fmt.Sprintf(`
apiVersion: krater.dev/v1alpha1
kind: Mesh
metadata: {name: m}
spec:
  fetch: {interval: 1s, hosts: [{host: "%s", private: true, http: true}]}
  workloads: [{name: web, ports: [{name: http, port: 80}]}]
`, server.Listener.Addr()))
	l.start()
	t.Cleanup(func() { l.s.Close() })
	return l
}

func (l *life) write(name, text string) {
	l.t.Helper()
	if err := os.WriteFile(filepath.Join(l.dir, name), []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
}

// rules declares one object with these rules.
func (l *life) rules(rules string) {
	l.t.Helper()
	l.write("tokens.yaml", "apiVersion: security.istio.io/v1\nkind: RequestAuthentication\nmetadata: {name: tokens}\nspec: {jwtRules: "+rules+"}\n")
}

func (l *life) start() {
	l.t.Helper()
	l.changed = make(chan struct{}, 1)
	changed := l.changed
	s, err := OpenFollowing([]string{l.dir}, l.state, filepath.Join(l.state, "modules"), func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	})
	if err != nil {
		l.t.Fatal(err)
	}
	l.s = s
	l.run()
}

// restart ends the stages, and begins others over the same folders.
func (l *life) restart() {
	l.t.Helper()
	if err := l.s.Save(); err != nil {
		l.t.Fatal(err)
	}
	l.s.Close()
	l.start()
}

func (l *life) run() {
	l.t.Helper()
	r, err := l.s.Run(context.Background())
	if err != nil {
		l.t.Fatal(err)
	}
	l.last = r
}

// now describes the object in force: the key ids of each rule.
func (l *life) now() string {
	var out []string
	for _, a := range l.last.Snapshot.RequestAuthentications {
		if a.Substitute {
			out = append(out, "substitute")
		}
		for _, r := range a.Rules {
			var set jose.JSONWebKeySet
			_ = json.Unmarshal([]byte(r.Keys), &set)
			kids := "-"
			for _, k := range set.Keys {
				kids = k.KeyID
			}
			out = append(out, r.Issuer+"="+kids)
		}
	}
	return strings.Join(out, " ")
}

func (l *life) problem(code string, s model.Severity) string {
	for _, p := range l.last.Problems {
		if p.Code == code && p.Severity == s {
			return p.Message
		}
	}
	return ""
}

// becomes runs on each change until the object in force is so.
func (l *life) becomes(want string) {
	l.t.Helper()
	for late := time.After(20 * time.Second); l.now() != want; {
		select {
		case <-l.changed:
			l.run()
		case <-late:
			l.t.Fatalf("in force is %q, not %q; problems: %v", l.now(), want, l.last.Problems)
		}
	}
}

// says waits for a problem.
func (l *life) says(code string, s model.Severity, words string) {
	l.t.Helper()
	for late := time.After(20 * time.Second); !strings.Contains(l.problem(code, s), words) || l.problem(code, s) == ""; {
		select {
		case <-l.changed:
			l.run()
		case <-late:
			l.t.Fatalf("no %s %s with %q: %v", s, code, words, l.last.Problems)
		}
	}
}

// TestAnOutageOfKeysRefusesNobody: keys that were there stay, whatever becomes
// of their server, also after a restart; new ones are seen.
func TestAnOutageOfKeysRefusesNobody(t *testing.T) {
	server := newKeyServer(t)
	server.set.Store(keySet(t, "one"))
	l := newLife(t, server)
	l.rules(fmt.Sprintf(`[{issuer: a, jwksUri: "%s/keys"}, {issuer: "%s"}]`, server.URL, server.URL))
	l.run()
	l.becomes("a=one " + server.URL + "=one")
	if p := l.problem(model.CodeKeys, model.Error); p != "" {
		t.Errorf("there are keys, and: %s", p)
	}
	for _, bad := range []string{"", "<html>", `{"keys":[]}`, `{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}`} {
		server.set.Store(bad)
		l.says(model.CodeKeys, model.Warning, "the last good ones stay")
		l.becomes("a=one " + server.URL + "=one")
		l.restart()
		if got := l.now(); got != "a=one "+server.URL+"=one" {
			t.Errorf("at once after a restart, while the server gives %q: %q", bad, got)
		}
	}
	server.set.Store(keySet(t, "two"))
	l.becomes("a=two " + server.URL + "=two")
	if p := l.problem(model.CodeKeys, model.Warning); p != "" {
		t.Errorf("all is well, and: %s", p)
	}
}

// TestKeysThatNeverCame: tokens of that issuer hold nowhere, those of the others
// do; a version that was good stays where an edit leads to no keys.
func TestKeysThatNeverCame(t *testing.T) {
	server, away := newKeyServer(t), newKeyServer(t)
	server.set.Store(keySet(t, "one"))
	l := newLife(t, server)
	l.rules(fmt.Sprintf(`[{issuer: a, jwksUri: "%s/keys"}, {issuer: b, jwksUri: "%s/keys"}]`, server.URL, away.URL))
	l.run()
	l.becomes("a=one b=-")
	l.says(model.CodeKeys, model.Error, "its tokens are refused")
	if p := l.problem(model.CodeNoLastGood, model.Error); !strings.Contains(p, "tokens of the other issuers are refused (401)") {
		t.Errorf("problems: %v", l.last.Problems)
	}
	l.restart()
	l.becomes("a=one b=-")
	l.rules(fmt.Sprintf(`[{issuer: a, jwksUri: "%s/keys"}]`, server.URL))
	l.run()
	l.becomes("a=one")
	l.rules(fmt.Sprintf(`[{issuer: a, jwksUri: "%s/keys"}]`, away.URL)) // no more than a typing mistake
	l.run()
	l.says(model.CodeKeys, model.Error, "spec.fetch")
	l.becomes("a=one")
	l.restart()
	l.becomes("a=one")
}

// TestABadRequestAuthenticationIsClosed: what never was good refuses each token
// where it looks, also after a restart.
func TestABadRequestAuthenticationIsClosed(t *testing.T) {
	l := newLife(t, newKeyServer(t))
	l.rules(`[{issuer: a, jwks: "no keys", fromHeaders: [{name: x-t}]}]`)
	l.run()
	for range 2 {
		if got := l.now(); got != "substitute =-" {
			t.Errorf("in force: %q", got)
		}
		a := l.last.Snapshot.RequestAuthentications[0]
		if a.RefuseAll || len(a.Rules) != 1 || a.Rules[0].Headers[0].Name != "x-t" || !strings.Contains(l.problem(model.CodeNoLastGood, model.Error), "each token where it looks is refused") {
			t.Errorf("%+v: %v", a, l.last.Problems)
		}
		l.restart()
	}
	l.rules(`[{isuer: a, locations: x}]`)
	l.run()
	l.restart()
	if a := l.last.Snapshot.RequestAuthentications; len(a) != 1 || !a[0].RefuseAll {
		t.Errorf("in force: %q", l.now())
	}
}

// TestManyEditsAreNoStorm: who declares, and what tokens come, asks no server.
func TestManyEditsAreNoStorm(t *testing.T) {
	server := newKeyServer(t)
	server.set.Store(keySet(t, "one"))
	l := newLife(t, server)
	l.rules(fmt.Sprintf(`[{issuer: a, jwksUri: "%s/keys"}]`, server.URL))
	l.run()
	l.becomes("a=one")
	began := time.Now()
	for i := range 100 {
		l.write("other.yaml", fmt.Sprintf("apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: other}\nspec: {hosts: [h%d.example], ports: [{number: 80, name: http, protocol: HTTP}], resolution: DNS}\n", i))
		l.run()
	}
	if n, most := server.asked.Load(), 3+int64(time.Since(began)/(700*time.Millisecond)); n > most {
		t.Errorf("asked %d times, at most %d", n, most)
	}
}
