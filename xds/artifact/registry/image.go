package registry

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"

	"github.com/krater-mesh/krater/model"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/registry/remote"
)

// The media types of docker's older form of images.
const (
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	dockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
	dockerConfig   = "application/vnd.docker.container.image.v1+json"
	dockerLayer    = "application/vnd.docker.image.rootfs.diff.tar.gzip"
)

// The media types of Wasm itself: solo.io's, which Istio takes, and the
// Cloud Native Computing Foundation's.
const (
	soloModule = "application/vnd.module.wasm.content.layer.v1+wasm"
	soloConfig = "application/vnd.module.wasm.config.v1+json"
	wasmModule = "application/wasm"
	wasmConfig = "application/vnd.wasm.config.v0+json"
)

// maxParts bounds the layers of an image and the images of an index.
const maxParts = 64

// Image is a manifest that was found; nothing of its layers was fetched yet.
type Image struct {
	// Digest is that of what the reference names: of an index, not that of the
	// manifest that was chosen from it.
	Digest string
	// Manifest is the digest of the manifest that the module is in.
	Manifest string

	client *Client
	repo   *remote.Repository
	layer  ocispec.Descriptor
	raw    bool // the layer is the module itself, else a tar.gz that holds it
}

// Open finds an image.
func (c *Client) Open(ctx context.Context, u model.ModuleURL) (*Image, error) {
	repo, err := c.repository(u)
	if err != nil {
		return nil, err
	}
	desc, b, err := manifest(ctx, repo, cmp.Or(u.Digest, u.Tag))
	if err != nil {
		return nil, err
	}
	i := &Image{Digest: desc.Digest.String(), client: c, repo: repo}
	m, err := readDocument(desc, b)
	if err != nil {
		return nil, err
	}
	if list := m.Manifests; list != nil {
		chosen, err := choose(list)
		if err != nil {
			return nil, err
		}
		if desc, b, err = manifest(ctx, repo, chosen.Digest.String()); err != nil {
			return nil, err
		}
		if m, err = readDocument(desc, b); err != nil {
			return nil, err
		}
		if m.Manifests != nil {
			return nil, invalid("it is an index of indexes")
		}
	}
	i.Manifest = desc.Digest.String()
	return i, i.find(m)
}

// document is a manifest or an index.
type document struct {
	MediaType string               `json:"mediaType"`
	Config    ocispec.Descriptor   `json:"config"`
	Layers    []ocispec.Descriptor `json:"layers"`
	Manifests []ocispec.Descriptor `json:"manifests"`
}

// readDocument decodes a manifest. What it says of itself counts before the server's
// word: its own bytes are what the digest is about.
func readDocument(desc ocispec.Descriptor, b []byte) (document, error) {
	var m document
	if err := json.Unmarshal(b, &m); err != nil {
		return m, invalid("its manifest is not JSON: %v", err)
	}
	if m.MediaType == "" {
		m.MediaType = desc.MediaType
	}
	switch m.MediaType {
	case ocispec.MediaTypeImageManifest, dockerManifest:
		if len(m.Manifests) > 0 {
			return m, invalid("it is a manifest and an index at once")
		}
		m.Manifests = nil
	case ocispec.MediaTypeImageIndex, dockerList:
		if len(m.Layers) > 0 || len(m.Manifests) == 0 {
			return m, invalid("it is an index without manifests")
		}
	default:
		return m, invalid("its manifest is of the type %q, which is no image's", m.MediaType)
	}
	if len(m.Layers) > maxParts || len(m.Manifests) > maxParts {
		return m, invalid("it has more than %d parts", maxParts)
	}
	return m, nil
}

// choose takes the manifest of an index that may hold a module: the one for
// Wasm, else the only one, else linux/amd64's, as Istio does.
func choose(list []ocispec.Descriptor) (ocispec.Descriptor, error) {
	var images []ocispec.Descriptor
	var amd64 *ocispec.Descriptor
	for _, d := range list {
		p := d.Platform
		switch {
		case p != nil && (p.Architecture == "wasm" || p.OS == "wasip1" || p.OS == "wasi"):
			return d, nil
		case p != nil && p.OS == "unknown": // what describes the others
			continue
		case p != nil && p.OS == "linux" && p.Architecture == "amd64":
			amd64 = &d
		}
		images = append(images, d)
	}
	switch {
	case len(images) == 1:
		return images[0], nil
	case amd64 != nil:
		return *amd64, nil
	}
	return ocispec.Descriptor{}, invalid("it is an index, and none of its %d images is for wasm", len(list))
}

// find names the layer with the module: the one of a Wasm type, else the last.
func (i *Image) find(m document) error {
	var modules []ocispec.Descriptor
	for _, l := range m.Layers {
		if l.MediaType == soloModule || l.MediaType == wasmModule {
			modules = append(modules, l)
		}
	}
	switch {
	case len(modules) == 1:
		i.layer, i.raw = modules[0], true
		return nil
	case len(modules) > 1:
		return invalid("it has %d layers that are modules: which?", len(modules))
	case len(m.Layers) == 0:
		return invalid("it has no layers")
	}
	i.layer = m.Layers[len(m.Layers)-1]
	if t := i.layer.MediaType; t != dockerLayer && t != ocispec.MediaTypeImageLayerGzip {
		return invalid("its last layer is of the type %q: want one of %s, %s, or a tar.gz that holds plugin.wasm", t, soloModule, wasmModule)
	}
	return nil
}

// Module fetches the module.
func (i *Image) Module(ctx context.Context) ([]byte, error) {
	b, err := i.client.blob(ctx, i.repo, i.layer, i.client.MaxBytes)
	if err != nil {
		return nil, err
	}
	if i.raw {
		return b, nil
	}
	code, err := extract(b, i.client.MaxBytes)
	if err != nil {
		return nil, fmt.Errorf("its layer %s: %w", i.layer.Digest, err)
	}
	return code, nil
}
