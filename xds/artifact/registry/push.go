package registry

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"

	"github.com/krater-mesh/krater/model"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/registry/remote"
)

// Format is how a module lies in a registry.
type Format string

// The formats: all that Istio takes, and the newer one.
const (
	Artifact Format = "artifact" // as solo.io's specification has it
	Compat   Format = "oci"      // an OCI image with plugin.wasm
	Docker   Format = "docker"   // a docker image with plugin.wasm
	Wasm     Format = "wasm"     // as the Cloud Native Computing Foundation has it
)

// Formats lists them, the usual one first.
var Formats = []Format{Artifact, Compat, Docker, Wasm}

// part is a blob with its type.
type part struct {
	mediaType   string
	content     []byte
	annotations map[string]string
}

func (p part) descriptor() ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: p.mediaType, Digest: digest.FromBytes(p.content), Size: int64(len(p.content)), Annotations: p.annotations}
}

// Push writes a module, and gives its manifest's digest: the same module in
// the same format has the same one everywhere.
func (c *Client) Push(ctx context.Context, u model.ModuleURL, code []byte, f Format) (string, error) {
	repo, err := c.repository(u)
	if err != nil {
		return "", err
	}
	m := ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest}
	config, layers, err := parts(code, f)
	if err != nil {
		return "", err
	}
	if f == Docker {
		m.MediaType = dockerManifest
	}
	return c.pushImage(ctx, repo, u.Tag, m, config, layers)
}

func parts(code []byte, f Format) (part, []part, error) {
	switch f {
	case Artifact:
		// Istio wants two layers, the one of them the module.
		about := []byte(`{"type":"envoy_proxy","abiVersions":["v0-2-1"],"config":{"rootIds":[""]}}`)
		return part{mediaType: soloConfig, content: []byte("{}")}, []part{
			{mediaType: soloConfig, content: about, annotations: title("runtime-config.json")},
			{mediaType: soloModule, content: code, annotations: title(moduleFile)}}, nil
	case Wasm:
		about, err := json.Marshal(map[string]any{"created": "1970-01-01T00:00:00Z", "architecture": "wasm", "os": "wasip1", "layerDigests": []digest.Digest{digest.FromBytes(code)}})
		return part{mediaType: wasmConfig, content: about}, []part{{mediaType: wasmModule, content: code, annotations: title(moduleFile)}}, err
	case Compat, Docker:
		unpacked, packed, err := archived(code)
		if err != nil {
			return part{}, nil, err
		}
		config := map[string]any{"architecture": "amd64", "os": "linux", "config": map[string]any{}, "rootfs": map[string]any{"type": "layers", "diff_ids": []digest.Digest{digest.FromBytes(unpacked)}}}
		about, err := json.Marshal(config)
		if f == Docker {
			return part{mediaType: dockerConfig, content: about}, []part{{mediaType: dockerLayer, content: packed}}, err
		}
		return part{mediaType: ocispec.MediaTypeImageConfig, content: about}, []part{{mediaType: ocispec.MediaTypeImageLayerGzip, content: packed}}, err
	}
	return part{}, nil, fmt.Errorf("the format %q is not known", f)
}

func title(name string) map[string]string { return map[string]string{ocispec.AnnotationTitle: name} }

// archived is a tar with the module, and the same as tar.gz, without times:
// the same module gives the same bytes.
func archived(code []byte) (unpacked, packed []byte, err error) {
	var t, z bytes.Buffer
	w := tar.NewWriter(&t)
	if err := w.WriteHeader(&tar.Header{Name: moduleFile, Mode: 0o644, Size: int64(len(code)), Typeflag: tar.TypeReg}); err != nil {
		return nil, nil, err
	}
	if _, err := w.Write(code); err != nil {
		return nil, nil, err
	}
	if err := w.Close(); err != nil {
		return nil, nil, err
	}
	zw := gzip.NewWriter(&z)
	if _, err := zw.Write(t.Bytes()); err != nil {
		return nil, nil, err
	}
	if err := zw.Close(); err != nil {
		return nil, nil, err
	}
	return t.Bytes(), z.Bytes(), nil
}

// pushImage writes the parts, and then what names them.
func (c *Client) pushImage(ctx context.Context, repo *remote.Repository, tag string, m ocispec.Manifest, config part, layers []part) (string, error) {
	m.Config = config.descriptor()
	for _, l := range layers {
		m.Layers = append(m.Layers, l.descriptor())
	}
	for _, p := range append([]part{config}, layers...) {
		d := p.descriptor()
		if has, err := repo.Blobs().Exists(ctx, d); err == nil && has {
			continue
		}
		if err := repo.Blobs().Push(ctx, d, bytes.NewReader(p.content)); err != nil {
			return "", fmt.Errorf("pushing %s of %d bytes: %w", p.mediaType, d.Size, err)
		}
	}
	b, err := json.Marshal(m)
	if err != nil {
		return "", fmt.Errorf("writing the manifest: %w", err)
	}
	d := part{mediaType: m.MediaType, content: b}.descriptor()
	if tag == "" {
		tag = d.Digest.String()
	}
	if err := repo.Manifests().PushReference(ctx, d, bytes.NewReader(b), tag); err != nil {
		return "", fmt.Errorf("pushing the manifest: %w", err)
	}
	return d.Digest.String(), nil
}
