package signature

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"

	"golang.org/x/crypto/nacl/secretbox"
	"golang.org/x/crypto/scrypt"
)

// The PEM types of private keys: sigstore's, its older one, and without a
// password.
const (
	sealedType    = "ENCRYPTED SIGSTORE PRIVATE KEY"
	sealedTypeOld = "ENCRYPTED COSIGN PRIVATE KEY"
	plainType     = "PRIVATE KEY"
)

// sealed is an encrypted key, as sigstore writes it.
type sealed struct {
	KDF struct {
		Name   string `json:"name"`
		Params cost   `json:"params"`
		Salt   []byte `json:"salt"`
	} `json:"kdf"`
	Cipher struct {
		Name  string `json:"name"`
		Nonce []byte `json:"nonce"`
	} `json:"cipher"`
	Ciphertext []byte `json:"ciphertext"`
}

// cost is what trying a password takes.
type cost struct {
	N int `json:"N"`
	R int `json:"r"`
	P int `json:"p"`
}

var standardCost = cost{N: 1 << 16, R: 8, P: 1}

const kdfName, cipherName = "scrypt", "nacl/secretbox"

// NewKey makes a key: of ECDSA on P-256 as cosign does, or of Ed25519.
func NewKey(ed bool) (crypto.Signer, error) {
	if ed {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	}
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

// PublicOf is the public part of a key.
func PublicOf(key crypto.Signer) (*PublicKey, error) { return publicKey(key.Public()) }

// MarshalKey writes a private key in PEM, encrypted where there is a password.
func MarshalKey(key crypto.Signer, password []byte) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encoding a private key: %w", err)
	}
	if len(password) == 0 {
		return pem.EncodeToMemory(&pem.Block{Type: plainType, Bytes: der}), nil
	}
	var s sealed
	s.KDF.Name, s.KDF.Params, s.Cipher.Name = kdfName, standardCost, cipherName
	s.KDF.Salt, s.Cipher.Nonce = make([]byte, 32), make([]byte, 24)
	rand.Read(s.KDF.Salt) // never fails
	rand.Read(s.Cipher.Nonce)
	box, err := s.key(password)
	if err != nil {
		return nil, err
	}
	s.Ciphertext = secretbox.Seal(nil, der, (*[24]byte)(s.Cipher.Nonce), box)
	text, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encoding a private key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: sealedType, Bytes: text}), nil
}

// ParseKey reads a private key in PEM. password is asked for one that is
// encrypted.
func ParseKey(text []byte, password func() ([]byte, error)) (crypto.Signer, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("it is no private key in PEM")
	}
	der := block.Bytes
	switch block.Type {
	case plainType:
	case "EC PRIVATE KEY":
		return x509.ParseECPrivateKey(der)
	case sealedType, sealedTypeOld:
		var err error
		if der, err = unseal(der, password); err != nil {
			return nil, err
		}
	case "PUBLIC KEY":
		return nil, errors.New("it is a public key: signing takes the private one")
	default:
		return nil, fmt.Errorf("a key of type %q is not known here", block.Type)
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, errors.New("it is no private key")
	}
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		return key, nil
	case ed25519.PrivateKey:
		return key, nil
	}
	return nil, errors.New("want a key of ECDSA or Ed25519")
}

func unseal(text []byte, password func() ([]byte, error)) ([]byte, error) {
	var s sealed
	if err := json.Unmarshal(text, &s); err != nil || len(s.Cipher.Nonce) != 24 || s.KDF.Name != kdfName || s.Cipher.Name != cipherName {
		return nil, errors.New("it is encrypted in a way that is not known here")
	}
	given, err := password()
	if err != nil {
		return nil, err
	}
	box, err := s.key(given)
	if err != nil {
		return nil, err
	}
	der, ok := secretbox.Open(nil, s.Ciphertext, (*[24]byte)(s.Cipher.Nonce), box)
	if !ok {
		return nil, errors.New("the key cannot be read: the password is wrong, or the file is damaged")
	}
	return der, nil
}

// key is made from the password. A file may not ask for more work than
// sigstore's own strongest.
func (s *sealed) key(password []byte) (*[32]byte, error) {
	c := s.KDF.Params
	if c.N < 1<<15 || c.N > 1<<17 || c.R != 8 || c.P != 1 {
		return nil, errors.New("it is encrypted in a way that is not known here")
	}
	k, err := scrypt.Key(password, s.KDF.Salt, c.N, c.R, c.P, 32)
	if err != nil {
		return nil, fmt.Errorf("making a key from the password: %w", err)
	}
	return (*[32]byte)(k), nil
}
