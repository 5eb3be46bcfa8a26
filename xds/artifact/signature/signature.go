// Package signature signs Wasm modules and checks signatures of them, by keys
// that somebody keeps, in the formats of sigstore's cosign: detached ones of
// files, and those that lie beside an image in its registry.
package signature

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// MaxSize is the most bytes that a signature is read of.
const MaxSize = 4 << 10

// PublicKey checks signatures.
type PublicKey struct {
	key         crypto.PublicKey
	fingerprint string
}

// ParsePublicKey reads one key in PEM.
func ParsePublicKey(text string) (*PublicKey, error) {
	block, rest := pem.Decode([]byte(text))
	if block == nil || block.Type != "PUBLIC KEY" || strings.TrimSpace(string(rest)) != "" {
		return nil, errors.New("want one public key in PEM")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, errors.New("it is no public key")
	}
	return publicKey(key)
}

func publicKey(key crypto.PublicKey) (*PublicKey, error) {
	switch key.(type) {
	case *ecdsa.PublicKey, ed25519.PublicKey:
	default:
		return nil, fmt.Errorf("want a key of ECDSA or Ed25519, not %T", key)
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, fmt.Errorf("encoding a public key: %w", err)
	}
	sum := sha256.Sum256(der)
	return &PublicKey{key, "sha256:" + hex.EncodeToString(sum[:])}, nil
}

// ParsePublicKeys reads keys, each in PEM.
func ParsePublicKeys(texts []string) ([]*PublicKey, error) {
	var out []*PublicKey
	for _, text := range texts {
		k, err := ParsePublicKey(text)
		if err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	return out, nil
}

// Fingerprint names the key: the SHA-256 of its DER.
func (k *PublicKey) Fingerprint() string { return k.fingerprint }

// PEM is the key as ParsePublicKey reads it.
func (k *PublicKey) PEM() []byte {
	der, _ := x509.MarshalPKIXPublicKey(k.key) // it was encoded before
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// Verify tells whether the key's owner signed a message.
func (k *PublicKey) Verify(message, sig []byte) bool {
	switch key := k.key.(type) {
	case *ecdsa.PublicKey:
		sum := sha256.Sum256(message)
		return ecdsa.VerifyASN1(key, sum[:], sig)
	case ed25519.PublicKey:
		return ed25519.Verify(key, message, sig)
	}
	return false
}

// Signer gives the fingerprint of the key, of several, that a message was
// signed with: the text is base64, as it is in a .sig file.
func Signer(keys []*PublicKey, message []byte, text string) (string, bool) {
	sig, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(text) > MaxSize {
		return "", false
	}
	for _, k := range keys {
		if k.Verify(message, sig) {
			return k.fingerprint, true
		}
	}
	return "", false
}

// Sign gives a message's signature, in base64.
func Sign(key crypto.Signer, message []byte) (string, error) {
	var sig []byte
	var err error
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		sum := sha256.Sum256(message)
		sig, err = ecdsa.SignASN1(rand.Reader, key, sum[:])
	case ed25519.PrivateKey:
		sig = ed25519.Sign(key, message)
	default:
		err = fmt.Errorf("want a key of ECDSA or Ed25519, not %T", key)
	}
	if err != nil {
		return "", fmt.Errorf("signing: %w", err)
	}
	return base64.StdEncoding.EncodeToString(sig), nil
}
