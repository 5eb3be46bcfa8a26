// Package secrets puts sealed values into Envoy's local copies of resources,
// where filters' configurations name keys of Secrets. Only the filters of the
// one Envoy that has the key can open them: its dumps show nothing.
package secrets

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/proto"

	"github.com/krater-mesh/krater/model"
)

// KeyVariable is Envoy's environment variable with the key, in base64; filters
// get it by host_env_keys.
const KeyVariable = "KRATER_FILTER_KEY"

// Sealer seals for one Envoy. Its methods may be called by many goroutines.
type Sealer struct {
	key    []byte
	nonces []byte // a key for these
	aead   cipher.AEAD
}

// New makes a sealer with a key of its own, which is never written down.
func New() (*Sealer, error) {
	s := &Sealer{key: make([]byte, 32), nonces: make([]byte, 32)}
	for _, k := range [][]byte{s.key, s.nonces} {
		if _, err := rand.Read(k); err != nil {
			return nil, fmt.Errorf("making a key for the filters' secrets: %w", err)
		}
	}
	block, err := aes.NewCipher(s.key)
	if err != nil {
		return nil, fmt.Errorf("making a key for the filters' secrets: %w", err)
	}
	if s.aead, err = cipher.NewGCM(block); err != nil {
		return nil, fmt.Errorf("making a key for the filters' secrets: %w", err)
	}
	return s, nil
}

// Variable is what Envoy's environment needs.
func (s *Sealer) Variable() string {
	return KeyVariable + "=" + base64.StdEncoding.EncodeToString(s.key)
}

// Seal gives a resource with sealed values; the very resource where it names
// none. A value that has not come stays a reference, which the filter
// refuses: its failure policy decides.
func (s *Sealer) Seal(r *discoveryv3.Resource, values model.FilterSecrets) (*discoveryv3.Resource, error) {
	if !mayName(r.GetResource()) {
		return r, nil
	}
	out := proto.CloneOf(r)
	err := configurations(out, func(config string) string {
		sealed, err := model.MapSecretRefs(config, func(_ string, ref any) any {
			if name, ok := model.SecretRefOf(ref, ""); ok && values.Values[name.String()] != nil {
				return map[string]any{"sealed": s.seal(name, values.Values[name.String()])}
			}
			return map[string]any{"secretRef": ref}
		})
		if err != nil {
			return config // no JSON, no references
		}
		return sealed
	})
	if err != nil {
		return nil, fmt.Errorf("sealing the secrets of %s: %w", r.GetName(), err)
	}
	return out, nil
}

// seal gives the same for the same: what did not change is no change to Envoy.
func (s *Sealer) seal(name model.SecretRef, value []byte) string {
	mac := hmac.New(sha256.New, s.nonces)
	mac.Write([]byte(name.String()))
	mac.Write([]byte{0})
	mac.Write(value)
	nonce := mac.Sum(nil)[:s.aead.NonceSize()]
	return base64.StdEncoding.EncodeToString(s.aead.Seal(nonce, nonce, value, nil))
}
