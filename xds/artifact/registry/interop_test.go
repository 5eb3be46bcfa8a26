package registry

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/krater-mesh/krater/xds/artifact/signature"
)

// get reads from the rig's registry, by no code of ours.
func (r *rig) get(path string) []byte {
	r.t.Helper()
	resp, err := http.Get(r.server.URL + "/v2/x/" + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		r.t.Fatalf("%s: %s, %v", path, resp.Status, err)
	}
	return b
}

// manifest reads one with the library that Istio and cosign use.
func (r *rig) manifest(tag string) *v1.Manifest {
	r.t.Helper()
	m, err := v1.ParseManifest(bytes.NewReader(r.get("manifests/" + tag)))
	if err != nil {
		r.t.Fatal(err)
	}
	return m
}

func (r *rig) config(m *v1.Manifest) *v1.ConfigFile {
	r.t.Helper()
	c, err := v1.ParseConfigFile(bytes.NewReader(r.get("blobs/" + m.Config.Digest.String())))
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

// What Istio looks at in each of its three formats is as it wants it.
func TestIstioWouldTakeWhatIsPushed(t *testing.T) {
	r := newRig(t)
	for format, want := range map[Format]struct {
		manifest types.MediaType
		layers   []types.MediaType
	}{
		Docker:   {types.DockerManifestSchema2, []types.MediaType{types.DockerLayer}},
		Compat:   {types.OCIManifestSchema1, []types.MediaType{types.OCILayer}},
		Artifact: {types.OCIManifestSchema1, []types.MediaType{soloConfig, soloModule}},
	} {
		r.push("x:"+string(format), format)
		m := r.manifest(string(format))
		if m.MediaType != want.manifest || len(m.Layers) != len(want.layers) {
			t.Errorf("%s: a manifest of %s with %d layers", format, m.MediaType, len(m.Layers))
			continue
		}
		for i, l := range m.Layers {
			if l.MediaType != want.layers[i] {
				t.Errorf("%s: layer %d is of %s", format, i, l.MediaType)
			}
		}
		if format == Artifact {
			continue // its configuration is of no image
		}
		z, err := gzip.NewReader(bytes.NewReader(r.get("blobs/" + m.Layers[0].Digest.String())))
		if err != nil {
			t.Fatal(err)
		}
		unpacked, _, err := v1.SHA256(z)
		if ids := r.config(m).RootFS.DiffIDs; err != nil || len(ids) != 1 || ids[0] != unpacked {
			t.Errorf("%s: the layer unpacked is %s, and declared as %v, %v", format, unpacked, ids, err)
		}
	}
}

// cosign reads signatures as layers of an image: payload, and annotation.
func TestCosignWouldFindOurSignatures(t *testing.T) {
	r := newRig(t)
	key, err := signature.NewKey(false)
	if err != nil {
		t.Fatal(err)
	}
	d := r.push("x:v1", Artifact)
	for range 2 {
		if _, err := r.client.Sign(context.Background(), r.url("x:v1"), key); err != nil {
			t.Fatal(err)
		}
	}
	m := r.manifest(strings.Replace(d, ":", "-", 1) + ".sig")
	if ids := r.config(m).RootFS.DiffIDs; m.MediaType != types.OCIManifestSchema1 || len(m.Layers) != 2 || len(ids) != 2 {
		t.Fatalf("%+v, with the layers %v", m, ids)
	}
	public, _ := signature.PublicOf(key)
	for _, l := range m.Layers {
		text := r.get("blobs/" + l.Digest.String())
		_, ok := signature.Signer([]*signature.PublicKey{public}, text, l.Annotations["dev.cosignproject.cosign/signature"])
		if !ok || l.MediaType != "application/vnd.dev.cosign.simplesigning.v1+json" {
			t.Errorf("the layer %s of %s is no signature: %s", l.Digest, l.MediaType, text)
		}
	}
}
