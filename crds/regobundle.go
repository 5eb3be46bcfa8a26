package crds

import (
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/krater-mesh/krater/model"
)

// RegoBundleSpec is an OPA bundle that the control plane fetches.
type RegoBundleSpec struct {
	URL       string                   `json:"url"`     // http, https, or a path from the declaring file's folder: a .tar.gz or .tgz
	Refresh   model.Duration           `json:"refresh"` // of http and https
	Token     *SecretKeySpec           `json:"token"`   // Authorization: Bearer
	Signature *RegoBundleSignatureSpec `json:"signature"`
}

// RegoBundleSignatureSpec says by which keys a bundle must be signed.
type RegoBundleSignatureSpec struct {
	Keys    []RegoBundleKeySpec `json:"keys"`
	Scope   string              `json:"scope"`
	Exclude []string            `json:"exclude"` // files that are not signed, as globs
}

// RegoBundleKeySpec is one key, by the id that signatures name.
type RegoBundleKeySpec struct {
	ID        string         `json:"id"`
	Algorithm string         `json:"algorithm"`
	PublicKey string         `json:"publicKey"` // PEM
	SecretRef *SecretKeyName `json:"secretRef"` // in the place of publicKey
}

// SecretKeySpec is a value that a Secret holds.
type SecretKeySpec struct {
	SecretRef SecretKeyName `json:"secretRef"`
}

// SecretKeyName names a key of a Secret of the object's namespace.
type SecretKeyName struct {
	Name string `json:"name"`
	Key  string `json:"key"`
}

// The bounds of how often a bundle is asked for.
const (
	bundleRefresh    = model.Duration(time.Minute)
	minBundleRefresh = model.Duration(time.Second)
)

var bundleAlgorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "HS256", "HS384", "HS512"}

func (s *RegoBundleSpec) validate(r *report) {
	const at = "spec.bundle"
	web := bundleWeb(s.URL)
	u, err := url.Parse(s.URL)
	switch {
	case s.URL == "":
		r.missing(at+".url", "whence does the bundle come?")
	case strings.Contains(s.URL, "://") && (err != nil || !web || u.Host == ""):
		r.bad(at+".url", "want http://, https:// or a path")
	case !web && !strings.HasSuffix(s.URL, ".tar.gz") && !strings.HasSuffix(s.URL, ".tgz"):
		r.add(model.Error, model.CodeInvalidValue, at+".url", "make one of a folder: opa build --bundle FOLDER --output FILE.tar.gz", "want a bundle's .tar.gz or .tgz")
	case web && u.User != nil:
		r.add(model.Error, model.CodeInvalidValue, at+".url", "put a token into a Secret, and name it by token", "a URL is shown to many: it has no user and no password")
	}
	if s.Refresh != 0 && s.Refresh < minBundleRefresh {
		r.bad(at+".refresh", "want at least %s", minBundleRefresh.Std())
	}
	if s.Refresh != 0 && !web && s.URL != "" {
		r.warn(at+".refresh", "it has no effect: a file is read when it changes")
	}
	if s.Token != nil {
		s.Token.SecretRef.validate(r, at+".token.secretRef")
		if u != nil && u.Scheme != "https" && s.URL != "" {
			r.bad(at+".token", "a token is sent over https only")
		}
	}
	if s.Signature != nil {
		s.Signature.validate(r)
	}
}

func (s *RegoBundleSignatureSpec) validate(r *report) {
	const at = "spec.bundle.signature.keys"
	if len(s.Keys) == 0 {
		r.missing(at, "who must have signed the bundle?")
	}
	seen := map[string]bool{}
	for i, k := range s.Keys {
		at := index(at, i)
		if k.ID == "" {
			r.missing(at+".id", "signatures name their key by it")
		}
		if seen[k.ID] {
			r.bad(at+".id", "the key %s is given twice", k.ID)
		}
		seen[k.ID] = true
		r.oneOf(k.Algorithm, at+".algorithm", bundleAlgorithms...)
		if k.SecretRef != nil {
			k.SecretRef.validate(r, at+".secretRef")
		}
		switch {
		case (k.PublicKey == "") == (k.SecretRef == nil):
			r.missing(at+".publicKey", "a key has its publicKey, or a secretRef")
		case k.PublicKey != "" && strings.HasPrefix(k.Algorithm, "HS"):
			r.add(model.Error, model.CodeInvalidValue, at+".publicKey", "put it into a Secret, and name it by secretRef", "a key of %s is a secret", k.Algorithm)
		case strings.Contains(k.PublicKey, "PRIVATE"):
			r.bad(at+".publicKey", "it is a private key: nobody but its signer has that; give the public one")
		case k.PublicKey != "" && !strings.Contains(k.PublicKey, "-----BEGIN"):
			r.bad(at+".publicKey", "want a public key or a certificate in PEM")
		}
	}
}

func (s SecretKeyName) validate(r *report, at string) {
	if s.Name == "" || s.Key == "" {
		r.add(model.Error, model.CodeMissing, at, "a Secret is of the object's own namespace", "want a Secret's name and one of its keys: {name: NAME, key: KEY}")
	}
}

func (s *SecretKeyName) convert() *model.SecretKey {
	if s == nil {
		return nil
	}
	return &model.SecretKey{Name: s.Name, Key: s.Key}
}

// bundleWeb tells whether a bundle comes over HTTP.
func bundleWeb(u string) bool {
	return strings.HasPrefix(u, "https://") || strings.HasPrefix(u, "http://")
}

func (c *conversion) regoBundle(in *RegoBundleSpec) *model.RegoBundle {
	if in == nil {
		return nil
	}
	out := &model.RegoBundle{URL: in.URL, Refresh: in.Refresh}
	switch {
	case !bundleWeb(in.URL):
		if out.Refresh = 0; !filepath.IsAbs(in.URL) {
			out.URL = filepath.Join(c.object.Dir(), in.URL)
		}
	case in.Refresh == 0:
		out.Refresh = bundleRefresh
	}
	if in.Token != nil {
		out.Token = in.Token.SecretRef.convert()
	}
	if in.Signature != nil {
		out.Signature = &model.BundleSignature{Scope: in.Signature.Scope, Exclude: in.Signature.Exclude}
		for _, k := range in.Signature.Keys {
			out.Signature.Keys = append(out.Signature.Keys, model.BundleKey{ID: k.ID, Algorithm: k.Algorithm, PublicKey: k.PublicKey, Secret: k.SecretRef.convert()})
		}
	}
	return out
}
