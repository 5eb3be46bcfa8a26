package registry

import (
	"cmp"
	"context"
	"crypto"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/artifact/signature"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// maxSignatures is how many of an image's signatures are looked at.
const maxSignatures = 16

// Unsigned is an image that none of the wanted keys signed.
type Unsigned struct{ reason string }

func (e *Unsigned) Error() string { return e.reason }

// Signer gives the fingerprint of the key, of several, that signed the image,
// before anything of it is fetched. Its error is Unsigned where none did.
func (i *Image) Signer(ctx context.Context, keys []*signature.PublicKey) (string, error) {
	names := []string{i.Digest}
	if i.Manifest != i.Digest {
		names = append(names, i.Manifest)
	}
	found := 0
	for _, name := range names {
		_, b, err := manifest(ctx, i.repo, signature.Tag(name))
		if Gone(err) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("looking for its signatures: %w", err)
		}
		var m document
		if err := json.Unmarshal(b, &m); err != nil {
			return "", &Unsigned{"its signatures cannot be read: " + err.Error()}
		}
		for _, l := range m.Layers[:min(len(m.Layers), maxSignatures)] {
			if l.MediaType != signature.PayloadType {
				continue
			}
			found++
			by, ok, err := i.signed(ctx, l, name, keys)
			if err != nil || ok {
				return by, err
			}
		}
	}
	if found == 0 {
		return "", &Unsigned{fmt.Sprintf("nobody signed the image %s", i.Digest)}
	}
	return "", &Unsigned{fmt.Sprintf("none of the %d signatures of the image %s is by a wanted key", found, i.Digest)}
}

// signed checks one signature: that a wanted key made it, and that it is about
// this image.
func (i *Image) signed(ctx context.Context, l ocispec.Descriptor, digest string, keys []*signature.PublicKey) (string, bool, error) {
	text, err := i.client.blob(ctx, i.repo, l, signature.MaxPayload)
	if err != nil {
		if _, bad := err.(*Invalid); bad {
			return "", false, nil
		}
		return "", false, fmt.Errorf("fetching a signature: %w", err)
	}
	by, ok := signature.Signer(keys, text, l.Annotations[signature.Annotation])
	if !ok {
		return "", false, nil
	}
	about, err := signature.ReadPayload(text)
	return by, err == nil && about == digest, nil
}

// Sign adds a signature beside an image, and gives the image's digest.
func (c *Client) Sign(ctx context.Context, u model.ModuleURL, key crypto.Signer) (string, error) {
	repo, err := c.repository(u)
	if err != nil {
		return "", err
	}
	desc, _, err := manifest(ctx, repo, cmp.Or(u.Digest, u.Tag))
	if err != nil {
		return "", err
	}
	digest := desc.Digest.String()
	text, err := signature.Payload(u.Host+u.Path, digest)
	if err != nil {
		return "", err
	}
	sig, err := signature.Sign(key, text)
	if err != nil {
		return "", err
	}
	m := ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest}
	if _, b, err := manifest(ctx, repo, signature.Tag(digest)); err == nil {
		var before document
		if err := json.Unmarshal(b, &before); err != nil {
			return "", invalid("the signatures that it has cannot be read: %v", err)
		}
		m.Layers = before.Layers
	} else if !Gone(err) {
		return "", fmt.Errorf("looking for its signatures: %w", err)
	}
	layer := part{mediaType: signature.PayloadType, content: text, annotations: map[string]string{signature.Annotation: sig}}
	config, err := signaturesConfig(append(slices.Clone(m.Layers), layer.descriptor()))
	if err != nil {
		return "", err
	}
	if _, err := c.pushImage(ctx, repo, signature.Tag(digest), m, config, []part{layer}); err != nil {
		return "", err
	}
	return digest, nil
}

// signaturesConfig is the configuration of the image that signatures lie in:
// cosign reads it as any image's.
func signaturesConfig(layers []ocispec.Descriptor) (part, error) {
	var ids []digest.Digest
	for _, l := range layers {
		ids = append(ids, l.Digest)
	}
	b, err := json.Marshal(map[string]any{"architecture": "", "os": "", "created": "0001-01-01T00:00:00Z", "config": map[string]any{},
		"rootfs": map[string]any{"type": "layers", "diff_ids": ids}})
	return part{mediaType: ocispec.MediaTypeImageConfig, content: b}, err
}
