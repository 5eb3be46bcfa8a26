package crds

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"strings"
)

// publicKeys reports keys that no signature of a module can be checked with.
func (r *report) publicKeys(keys []string, field string) {
	for i, text := range keys {
		at := index(field, i)
		block, rest := pem.Decode([]byte(text))
		switch {
		case block == nil && strings.Contains(text, "PRIVATE KEY") || block != nil && strings.Contains(block.Type, "PRIVATE"):
			r.bad(at, "it is a private key: nobody but its signer has that; give the public one")
			continue
		case block == nil || block.Type != "PUBLIC KEY" || strings.TrimSpace(string(rest)) != "":
			r.bad(at, "want one public key in PEM, as `krater filter keys` and cosign write it")
			continue
		}
		key, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			r.bad(at, "it is no public key")
			continue
		}
		switch key.(type) {
		case *ecdsa.PublicKey, ed25519.PublicKey:
		default:
			r.bad(at, "want a key of ECDSA or Ed25519")
		}
	}
}
