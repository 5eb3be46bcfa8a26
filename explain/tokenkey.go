package explain

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"math/big"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// verify holds a token against a key set, as Envoy does: each key that has the
// token's key id and algorithm, or has none, is tried.
func (t *token) verify(keys string) string {
	var set jose.JSONWebKeySet
	if keys != "" && json.Unmarshal([]byte(keys), &set) != nil {
		return tokenNoKey
	}
	tried := false
	for _, k := range set.Keys {
		if t.kid != "" && k.KeyID != "" && k.KeyID != t.kid || k.Algorithm != "" && k.Algorithm != t.alg {
			continue
		}
		tried = true
		if _, is := k.Key.(ed25519.PublicKey); is && len(t.signature) != ed25519.SignatureSize {
			return tokenBadEd25519
		}
		if t.signedBy(k.Key) {
			return tokenOK
		}
	}
	if !tried {
		return tokenNoKey
	}
	return tokenUnverified
}

func (t *token) signedBy(key any) bool {
	signature := []byte(t.signature)
	hash := map[string]crypto.Hash{"384": crypto.SHA384, "512": crypto.SHA512}[t.alg[len(t.alg)-3:]]
	if hash == 0 {
		hash = crypto.SHA256
	}
	h := hash.New()
	h.Write([]byte(t.signed))
	sum := h.Sum(nil)
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		half := len(signature) / 2
		if len(signature) == 0 || len(signature)%2 != 0 {
			return false
		}
		return ecdsa.Verify(k, sum, new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:]))
	case *rsa.PublicKey:
		if strings.HasPrefix(t.alg, "PS") {
			return rsa.VerifyPSS(k, hash, sum, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		}
		return strings.HasPrefix(t.alg, "RS") && rsa.VerifyPKCS1v15(k, hash, sum, signature) == nil
	case ed25519.PublicKey:
		return ed25519.Verify(k, []byte(t.signed), signature)
	}
	return false
}
