package crds

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"

	"github.com/go-jose/go-jose/v4"
)

// The bounds of a key set: a proxy tries one key after another.
const (
	MaxKeySetBytes = 1 << 20
	maxKeys        = 200
)

// KeySet is what a JSON Web Key Set came to.
type KeySet struct {
	// Keys is the set as proxies get it: public keys only, and of them nothing
	// but what verifies.
	Keys string
	// Left says what was left out that may be meant: secret parts, and keys that
	// no proxy knows.
	Left []string
}

// ReadKeySet reads a JSON Web Key Set, or Google's map of names to certificates.
// It fails where no key is left that a proxy verifies by.
func ReadKeySet(b []byte) (KeySet, error) {
	if len(b) > MaxKeySetBytes {
		return KeySet{}, fmt.Errorf("a key set has at most %d bytes", MaxKeySetBytes)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(b, &members); err != nil || members == nil {
		return KeySet{}, errors.New("it is no JSON Web Key Set: want a JSON object with keys")
	}
	out, keys := KeySet{}, []jose.JSONWebKey(nil)
	if list, is := members["keys"]; is {
		var raw []json.RawMessage
		if err := json.Unmarshal(list, &raw); err != nil {
			return KeySet{}, errors.New("it is no JSON Web Key Set: its keys are no list")
		}
		for i, one := range raw {
			key, left := readKey(one, i)
			out.Left = append(out.Left, left...)
			if key != nil {
				keys = append(keys, *key)
			}
		}
	} else {
		keys = certificateKeys(members)
	}
	if len(keys) == 0 {
		return KeySet{}, errors.New("it has no public key that signatures of tokens are verified by: RSA, EC P-256, P-384 and P-521, Ed25519" + because(out.Left))
	}
	if len(keys) > maxKeys {
		return KeySet{}, fmt.Errorf("it has %d keys, more than %d", len(keys), maxKeys)
	}
	text, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
	if err != nil {
		return KeySet{}, fmt.Errorf("writing the key set: %w", err)
	}
	out.Keys = string(text)
	return out, nil
}

func because(left []string) string {
	if len(left) == 0 {
		return ""
	}
	return "; " + left[0]
}

// readKey reads one key; nil: it is left out. What cannot be meant for tokens'
// signatures is left out without a word.
func readKey(raw json.RawMessage, i int) (*jose.JSONWebKey, []string) {
	var head struct {
		Kty, Kid, Use, Alg string
		D, K               json.RawMessage
	}
	if json.Unmarshal(raw, &head) != nil {
		return nil, []string{fmt.Sprintf("keys[%d] is no key", i)}
	}
	if head.Use != "" && head.Use != "sig" {
		return nil, nil
	}
	if head.Kty == "oct" || head.K != nil {
		return nil, []string{fmt.Sprintf("keys[%d] is a secret that signs as well as it verifies: it is left out", i)}
	}
	var key jose.JSONWebKey
	if err := key.UnmarshalJSON(raw); err != nil || !verifies(key.Public().Key) {
		return nil, []string{fmt.Sprintf("keys[%d] is of a kind that proxies do not know (%.20q): it is left out", i, head.Kty)}
	}
	public := jose.JSONWebKey{Key: key.Public().Key, KeyID: head.Kid, Algorithm: head.Alg}
	if !key.IsPublic() || head.D != nil {
		return &public, []string{fmt.Sprintf("keys[%d] is a private key: its secret parts are left out, but whoever reads the set can sign tokens", i)}
	}
	return &public, nil
}

// verifies tells whether Envoy verifies by a key.
func verifies(key crypto.PublicKey) bool {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return k.N.BitLen() >= 2048 && (k.E == 3 || k.E == 65537) && k.N.Cmp(big.NewInt(0)) > 0
	case *ecdsa.PublicKey:
		bits := k.Curve.Params().BitSize
		return bits == 256 || bits == 384 || bits == 521
	case ed25519.PublicKey:
		return len(k) == ed25519.PublicKeySize
	}
	return false
}

// certificateKeys are those of certificates by name, as Google serves them.
func certificateKeys(members map[string]json.RawMessage) (out []jose.JSONWebKey) {
	for _, kid := range slices.Sorted(maps.Keys(members)) {
		var text string
		if json.Unmarshal(members[kid], &text) != nil {
			continue
		}
		block, _ := pem.Decode([]byte(text))
		if block == nil || block.Type != "CERTIFICATE" {
			continue
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil && verifies(c.PublicKey) {
			out = append(out, jose.JSONWebKey{Key: c.PublicKey, KeyID: kid})
		}
	}
	return out
}
