package crds

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

func TestKeySetsHoldWhatVerifiesOnly(t *testing.T) {
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	e, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, e.Public(), e)
	if err != nil {
		t.Fatal(err)
	}
	certificate, _ := x509.ParseCertificate(der)
	set := func(keys ...jose.JSONWebKey) string {
		b, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	byName, _ := json.Marshal(map[string]string{"google": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), "other": "x"})
	for name, c := range map[string]struct {
		in   string
		kids string
		left int
	}{
		"public":            {set(jose.JSONWebKey{Key: r.Public(), KeyID: "a", Algorithm: "RS256", Use: "sig"}, jose.JSONWebKey{Key: e.Public(), KeyID: "b"}, jose.JSONWebKey{Key: ed.Public(), KeyID: "c"}), "a b c", 0},
		"private":           {set(jose.JSONWebKey{Key: r, KeyID: "a"}, jose.JSONWebKey{Key: e, KeyID: "b"}, jose.JSONWebKey{Key: ed, KeyID: "c"}), "a b c", 3},
		"for encryption":    {set(jose.JSONWebKey{Key: r.Public(), KeyID: "a", Use: "enc"}, jose.JSONWebKey{Key: e.Public(), KeyID: "b"}), "b", 0},
		"symmetric":         {set(jose.JSONWebKey{Key: []byte("a secret of some length"), KeyID: "a"}, jose.JSONWebKey{Key: e.Public(), KeyID: "b"}), "b", 1},
		"with certificates": {set(jose.JSONWebKey{Key: e.Public(), KeyID: "b", Certificates: []*x509.Certificate{certificate}}), "b", 0},
		"certificates":      {string(byName), "google", 0},
		"unknown kind":      {`{"keys":[{"kty":"AKP","kid":"q"},7,` + set(jose.JSONWebKey{Key: e.Public(), KeyID: "b"})[9:], "b", 2},
	} {
		got, err := ReadKeySet([]byte(c.in))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var out jose.JSONWebKeySet
		if err := json.Unmarshal([]byte(got.Keys), &out); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var kids []string
		for _, k := range out.Keys {
			kids = append(kids, k.KeyID)
			if !k.IsPublic() || len(k.Certificates) > 0 {
				t.Errorf("%s: %s has more than its public key", name, k.KeyID)
			}
		}
		if strings.Join(kids, " ") != c.kids || len(got.Left) != c.left {
			t.Errorf("%s: %v, left %q", name, kids, got.Left)
		}
	}
	for name, text := range map[string]string{"nothing": "", "null": "null", "a list": "[]", "keys no list": `{"keys":7}`, "no keys": `{"keys":[]}`, "HTML": "<html>",
		"weak": set(jose.JSONWebKey{Key: &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 1023), E: 65537}}), "too long": strings.Repeat(" ", MaxKeySetBytes+1)} {
		if got, err := ReadKeySet([]byte(text)); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// FuzzKeySet: what comes of a key set is one again, and the same; no secret
// part of it is left.
func FuzzKeySet(f *testing.F) {
	set, err := os.ReadFile("testdata/keys/set.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(set)
	f.Add(bytes.Replace(set, []byte(`"e"`), []byte(`"d":"AQAB","e"`), 1))
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"c2VjcmV0"},{"kty":"OKP","crv":"Ed25519","x":"Dm4iNAbAsiaV6BYGFGyr4vHXDolQ-oMEWyad-by7eb8"}]}`))
	f.Add([]byte(`{"kid":"-----BEGIN CERTIFICATE-----\n"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := ReadKeySet(b)
		if err != nil {
			return
		}
		again, err := ReadKeySet([]byte(got.Keys))
		if err != nil || again.Keys != got.Keys || len(again.Left) > 0 {
			t.Errorf("%q: %+v, %v", got.Keys, again, err)
		}
		var raw struct{ Keys []map[string]any }
		if err := json.Unmarshal([]byte(got.Keys), &raw); err != nil {
			t.Fatal(err)
		}
		for _, k := range raw.Keys {
			for name := range k {
				if !strings.Contains(" kty kid alg n e crv x y ", " "+name+" ") {
					t.Errorf("a key has %s", name)
				}
			}
		}
	})
}
