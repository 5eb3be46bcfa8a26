// Package secret opens the secrets of a filter's configuration. The agent has
// sealed them for this one Envoy, so that none of its dumps shows them. Only
// filters that have secrets link it.
package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"os"
)

// KeyVariable is the environment variable, of Envoy and of the module's VM,
// that holds the key: 32 bytes in base64. The agent makes a new one for each
// start of Envoy.
const KeyVariable = "KRATER_FILTER_KEY"

// Open gives the text of a sealed value: base64 of a nonce of 12 bytes and what
// AES-256-GCM makes of the text. It never says a word of either.
func Open(sealed string) (string, error) {
	box, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil {
		return "", errors.New("the secret is not as it was sealed")
	}
	aead, err := sealer()
	if err != nil {
		return "", err
	}
	if len(box) < aead.NonceSize() {
		return "", errors.New("the secret is not as it was sealed")
	}
	text, err := aead.Open(nil, box[:aead.NonceSize()], box[aead.NonceSize():], nil)
	if err != nil {
		return "", errors.New("the secret is not as it was sealed")
	}
	return string(text), nil
}

func sealer() (cipher.AEAD, error) {
	key, err := base64.StdEncoding.DecodeString(os.Getenv(KeyVariable))
	if err != nil || len(key) != 32 {
		return nil, errors.New("there is no key to open the secret with")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, errors.New("there is no key to open the secret with")
	}
	return cipher.NewGCM(block)
}
