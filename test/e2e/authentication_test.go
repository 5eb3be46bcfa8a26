package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/krater-mesh/krater/test/harness"
)

// signer has a key of a name, and signs by it.
type signer struct {
	key *ecdsa.PrivateKey
	kid string
}

func newSigner(t *testing.T, kid string) signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signer{key, kid}
}

func (s signer) set(t *testing.T) string {
	t.Helper()
	b, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: s.key.Public(), KeyID: s.kid}}})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// bearer is a header with a token.
func (s signer) bearer(t *testing.T, issuer string) string {
	t.Helper()
	by, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: s.key, KeyID: s.kid}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.Signed(by).Claims(jwt.Claims{Issuer: issuer, Subject: "jane", Expiry: jwt.NewNumericDate(time.Now().Add(time.Hour))}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return "Authorization: Bearer " + text
}

// TestAnOutageOfTheKeysServer runs a mesh whose keys come from a server that
// goes, also while the mesh starts anew.
func TestAnOutageOfTheKeysServer(t *testing.T) {
	var set atomic.Value
	one, two := newSigner(t, "one"), newSigner(t, "two")
	set.Store(one.set(t))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if text := set.Load().(string); text != "" {
			fmt.Fprint(w, text)
			return
		}
		http.Error(w, "away", http.StatusServiceUnavailable)
	}))
	defer server.Close()
	m := small(t, "tiny")
	m.Edit(t, "mesh.yaml", "spec:\n", fmt.Sprintf("spec:\n  fetch: {interval: 1s, hosts: [{host: %q, private: true, http: true}]}\n", server.Listener.Addr()))
	m.Add(t, "tokens.yaml", fmt.Sprintf(`
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: tokens}
spec: {jwtRules: [{issuer: here, jwksUri: "%s/keys", outputClaimToHeaders: [{header: x-user, claim: sub}]}, {issuer: away, jwksUri: "http://127.0.0.1:1/keys"}]}
`, server.URL))
	m.Start(t)
	url := "http://" + m.Network + ".0.1:8080/"
	becomes := func(what string, status int, headers ...string) {
		t.Helper()
		harness.Until(t, 20*time.Second, what, func() error {
			a, err := ask("GET", url, "", headers...)
			if err != nil || a.status != status {
				return fmt.Errorf("%d %s (%v)", a.status, a.body, err)
			}
			return nil
		})
	}
	becomes("the token to hold", 200, one.bearer(t, "here"))
	becomes("a request without a token", 200)
	becomes("a token of keys that never came", 401, one.bearer(t, "away"))
	becomes("another's token", 401, two.bearer(t, "here"))
	if a := mustAsk(t, "GET", url, "", one.bearer(t, "here"), "X-User: root"); strings.Join(seen(t, a.body).Headers["X-User"], ",") != "jane" {
		t.Errorf("the application is told %v", seen(t, a.body).Headers)
	}
	if out, _ := m.Krater(t, "status"); !strings.Contains(out, "KR0038") {
		t.Errorf("nobody is told of keys that never came:\n%s", out)
	}
	for _, bad := range []string{"", "no keys"} {
		set.Store(bad)
		for until := time.Now().Add(1500 * time.Millisecond); time.Now().Before(until); {
			if a := mustAsk(t, "GET", url, "", one.bearer(t, "here")); a.status != 200 {
				t.Fatalf("while the server gives %q: %d %s", bad, a.status, a.body)
			}
		}
	}
	m.Stop(t)
	m.Log = &harness.Buffer{}
	m.Start(t)
	if a := mustAsk(t, "GET", url, "", one.bearer(t, "here")); a.status != 200 {
		t.Errorf("after a restart without the server: %d %s", a.status, a.body)
	}
	set.Store(two.set(t))
	becomes("the new key", 200, two.bearer(t, "here"))
	becomes("the old key to be out", 401, one.bearer(t, "here"))
}
