// Package registry reads Wasm modules from OCI registries, in each form that
// Istio takes, and writes them there. It believes digests and declared sizes
// only: what is more, or other, than was declared is refused.
package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/krater-mesh/krater/model"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

// maxManifest is the most bytes of a manifest, as registries have it.
const maxManifest = 4 << 20

// Client speaks to registries.
type Client struct {
	HTTP       *http.Client
	Credential auth.CredentialFunc // nil: as nobody
	PlainHTTP  bool
	MaxBytes   int64 // of a module, and of the layer that it is in
}

// Invalid is an image that no module can be had from. Asking again gives the
// same, until somebody pushes another.
type Invalid struct{ reason string }

func (e *Invalid) Error() string { return e.reason }

func invalid(format string, args ...any) error { return &Invalid{fmt.Sprintf(format, args...)} }

// FromDockerConfig are the users that a docker configuration names.
func FromDockerConfig(config []byte) (auth.CredentialFunc, error) {
	store, err := credentials.NewMemoryStoreFromDockerConfig(config)
	if err != nil {
		return nil, errors.New("the pull Secret's docker configuration cannot be read") // the error may quote it
	}
	return credentials.Credential(store), nil
}

func (c *Client) repository(u model.ModuleURL) (*remote.Repository, error) {
	repo, err := remote.NewRepository(u.Host + u.Path)
	if err != nil {
		return nil, invalid("%s is no repository", u.Host+u.Path)
	}
	repo.Client = &auth.Client{Client: c.HTTP, Credential: c.Credential, Cache: auth.NewCache()}
	repo.PlainHTTP = c.PlainHTTP
	repo.MaxMetadataBytes = maxManifest
	return repo, nil
}

// manifest fetches what a tag or digest names.
func manifest(ctx context.Context, repo *remote.Repository, reference string) (ocispec.Descriptor, []byte, error) {
	desc, body, err := repo.Manifests().FetchReference(ctx, reference)
	if err != nil {
		return desc, nil, err
	}
	defer body.Close()
	b, err := io.ReadAll(io.LimitReader(body, maxManifest+1))
	if err != nil {
		return desc, nil, fmt.Errorf("reading the manifest: %w", err)
	}
	if len(b) > maxManifest {
		return desc, nil, invalid("its manifest has more than %d bytes", maxManifest)
	}
	got := digest.FromBytes(b)
	if d, err := digest.Parse(reference); err == nil && d != got || desc.Digest != "" && desc.Digest != got {
		return desc, nil, invalid("its manifest has the digest %s, and not the one that was asked for", got)
	}
	desc.Digest, desc.Size = got, int64(len(b))
	return desc, b, nil
}

// blob fetches what a descriptor says, no more, no less, and nothing else.
func (c *Client) blob(ctx context.Context, repo *remote.Repository, d ocispec.Descriptor, limit int64) ([]byte, error) {
	switch {
	case d.Digest.Validate() != nil || d.Digest.Algorithm() != digest.SHA256:
		return nil, invalid("a layer's digest is %q", d.Digest)
	case d.Size < 0 || d.Size > limit:
		return nil, invalid("a layer of it has %d bytes, at most %d are read", d.Size, limit)
	}
	body, err := repo.Blobs().Fetch(ctx, d)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	b, err := io.ReadAll(io.LimitReader(body, d.Size+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading a layer: %w", err)
	case int64(len(b)) != d.Size:
		return nil, invalid("a layer of it was declared with %d bytes, and has another size", d.Size)
	case digest.FromBytes(b) != d.Digest:
		return nil, invalid("a layer of it was declared as %s, and is %s: it was damaged or changed", d.Digest, digest.FromBytes(b))
	}
	return b, nil
}

// Gone tells whether a registry says that it has no such thing.
func Gone(err error) bool {
	var e *errcode.ErrorResponse
	return errors.As(err, &e) && e.StatusCode == http.StatusNotFound || errors.Is(err, errdef.ErrNotFound)
}

// Answer gives the status that a registry refused with, 0 for other errors.
func Answer(err error) int {
	var e *errcode.ErrorResponse
	if errors.As(err, &e) {
		return e.StatusCode
	}
	return 0
}
