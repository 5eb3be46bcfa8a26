package signature

import (
	"encoding/json"
	"errors"
	"strings"
)

// What cosign calls its parts in a registry (its SIGNATURE_SPEC).
const (
	PayloadType = "application/vnd.dev.cosign.simplesigning.v1+json" // of a layer
	Annotation  = "dev.cosignproject.cosign/signature"               // of that layer
	claim       = "cosign container image signature"
)

// MaxPayload is the most bytes that a payload is read of.
const MaxPayload = 64 << 10

// payload says that an image is meant; its JSON is signed.
type payload struct {
	Critical struct {
		Identity struct {
			Reference string `json:"docker-reference"`
		} `json:"identity"`
		Image struct {
			Digest string `json:"docker-manifest-digest"`
		} `json:"image"`
		Type string `json:"type"`
	} `json:"critical"`
	Optional map[string]any `json:"optional"`
}

// Payload is what is signed for an image: its name and its manifest's digest.
func Payload(name, digest string) ([]byte, error) {
	var p payload
	p.Critical.Identity.Reference, p.Critical.Image.Digest, p.Critical.Type = name, digest, claim
	return json.Marshal(p)
}

// ReadPayload gives the digest that a payload is about.
func ReadPayload(b []byte) (digest string, err error) {
	var p payload
	if len(b) > MaxPayload || json.Unmarshal(b, &p) != nil {
		return "", errors.New("it is no payload of a signature")
	}
	if p.Critical.Type != claim {
		return "", errors.New("it is the payload of something else than an image's signature")
	}
	return p.Critical.Image.Digest, nil
}

// Tag is where an image's signatures are, beside it.
func Tag(digest string) string { return strings.Replace(digest, ":", "-", 1) + ".sig" }
