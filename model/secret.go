package model

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Secret is a credential: a Kubernetes Secret that TLS settings may name.
type Secret struct {
	Object      Ref       `json:"object"`
	Certificate Sensitive `json:"certificate,omitempty"` // PEM, leaf first
	PrivateKey  Sensitive `json:"privateKey,omitempty"`  // PEM
	CA          Sensitive `json:"ca,omitempty"`          // PEM
	CRL         Sensitive `json:"crl,omitempty"`         // PEM
}

// Sensitive bytes are never written out: in JSON they are their hash, so that
// a change is a change, and in print nothing but their length.
type Sensitive []byte

// MarshalJSON gives the hash.
func (s Sensitive) MarshalJSON() ([]byte, error) {
	sum := sha256.Sum256(s)
	return json.Marshal("sha256:" + hex.EncodeToString(sum[:8]))
}

// String says nothing of the content.
func (s Sensitive) String() string { return "(secret)" }

// GoString says nothing of the content.
func (s Sensitive) GoString() string { return "(secret)" }
