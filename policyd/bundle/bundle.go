// Package bundle turns an OPA bundle's bytes into the modules and the data of a
// RegoPolicy. A bundle whose signature is wanted and not good gives nothing. It
// fetches nothing, and never runs what is in a bundle.
package bundle

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/keys"

	"github.com/krater-mesh/krater/model"
)

// MaxBytes bounds a bundle: as it comes, and each file in it.
const MaxBytes = 64 << 20

// Options say by whom a bundle must be signed.
type Options struct {
	// Keys are by the ids that signatures name; none: it need not be signed.
	Keys    map[string]Key
	KeyID   string // of the key where signatures name none; "": they must
	Scope   string
	Exclude []string // files that are not signed
}

// Key is what signatures are checked with: in PEM, or a shared secret.
type Key struct{ Algorithm, Text string }

// Bundle is what is in one.
type Bundle struct {
	Modules  []model.RegoModule // by name
	Data     string             // a JSON object
	Revision string
}

// Read reads a bundle.
func Read(tarball []byte, o Options) (b Bundle, err error) {
	defer func() { // it is a stranger's: a fault in reading it is no end
		if fault := recover(); fault != nil {
			b, err = Bundle{}, errors.New("it cannot be read")
		}
	}()
	if err := bounded(tarball); err != nil {
		return Bundle{}, err
	}
	read, err := o.read(tarball, ast.RegoV1)
	if err != nil { // of a time when nobody wrote which Rego it is
		if old, oldErr := o.read(tarball, ast.RegoV0); oldErr == nil {
			read, err = old, nil
		}
	}
	if err != nil {
		return Bundle{}, o.unsigned(tarball, err)
	}
	// OPA takes one without any signature for good where no key is named.
	if len(o.Keys) > 0 && len(read.Signatures.Signatures) == 0 {
		return Bundle{}, fmt.Errorf("%w: it is not signed", ErrSignature)
	}
	return of(read)
}

// ErrSignature is that of a bundle that is well, but for its signature.
var ErrSignature = errors.New("its signature is not good")

// unsigned tells a bad signature from a bad bundle.
func (o Options) unsigned(tarball []byte, err error) error {
	if len(o.Keys) == 0 {
		return err
	}
	if _, plain := Read(tarball, Options{}); plain != nil {
		return plain
	}
	return fmt.Errorf("%w: %w", ErrSignature, err)
}

func (o Options) read(tarball []byte, version ast.RegoVersion) (bundle.Bundle, error) {
	loader := bundle.NewTarballLoaderWithBaseURL(bytes.NewReader(tarball), "").WithSizeLimitBytes(MaxBytes)
	reader := bundle.NewCustomReader(loader).WithSizeLimitBytes(MaxBytes).WithSkipBundleVerification(len(o.Keys) == 0).WithRegoVersion(version)
	if len(o.Keys) > 0 {
		reader = reader.WithBundleVerificationConfig(bundle.NewVerificationConfig(o.keys(), o.KeyID, o.Scope, o.Exclude))
	}
	return reader.Read()
}

// maxUnpacked bounds all that is in a bundle together. Tests have less.
var maxUnpacked int64 = 4 * MaxBytes

// bounded refuses what unpacks to more than a bundle may hold.
func bounded(tarball []byte) error {
	if len(tarball) > MaxBytes {
		return fmt.Errorf("it is larger than %d bytes", MaxBytes)
	}
	z, err := gzip.NewReader(bytes.NewReader(tarball))
	if err != nil {
		return errors.New("it is no .tar.gz")
	}
	n, err := io.Copy(io.Discard, io.LimitReader(z, maxUnpacked+1))
	switch {
	case err != nil:
		return errors.New("it is no .tar.gz")
	case n > maxUnpacked:
		return fmt.Errorf("it unpacks to more than %d bytes", maxUnpacked)
	}
	return nil
}

// of is what Krater takes of a bundle.
func of(read bundle.Bundle) (Bundle, error) {
	switch {
	case read.Type() == bundle.DeltaBundleType:
		return Bundle{}, errors.New("it holds changes only (patch.json): serve whole bundles")
	case len(read.Manifest.WasmResolvers) > 0:
		return Bundle{}, errors.New("it decides by Wasm: build it with the target rego")
	}
	out := Bundle{Revision: read.Manifest.Revision}
	for _, m := range read.Modules {
		out.Modules = append(out.Modules, model.RegoModule{Name: strings.TrimPrefix(m.Path, "/"), Source: string(m.Raw)})
	}
	sort.Slice(out.Modules, func(i, j int) bool { return out.Modules[i].Name < out.Modules[j].Name })
	if len(read.Data) > 0 {
		data, err := json.Marshal(read.Data)
		if err != nil {
			return Bundle{}, fmt.Errorf("writing its data: %w", err)
		}
		out.Data = string(data)
	}
	return out, nil
}

func (o Options) keys() map[string]*bundle.KeyConfig {
	out := map[string]*bundle.KeyConfig{}
	for id, k := range o.Keys {
		out[id] = &keys.Config{Key: k.Text, Algorithm: k.Algorithm, Scope: o.Scope}
	}
	return out
}
