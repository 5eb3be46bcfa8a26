package artifact

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/artifact/signature"
)

// Request asks for the module of a filter.
type Request struct {
	// Filter names the module, and its pin as Module.Digest: the module's own
	// or, of an image, its manifest's.
	Filter *model.FilterBinding
	// BaseDir is what a relative path starts at.
	BaseDir string
	Policy  *model.ModulePolicy // nil: the mesh asks for nothing
	// Registries is docker's configuration from the pull Secret, nil for none.
	Registries []byte
}

// wanted is a request that was checked against the policy.
type wanted struct {
	Request
	url  model.ModuleURL
	text string // the URL as the object has it, as statuses show it
	pin  string
	// keys are whom signatures are asked of: one of each group.
	keys [][]*signature.PublicKey
}

// check finds what is asked for, and what it must show.
func check(r Request) (*wanted, error) {
	m := r.Filter.Module
	u, err := model.ParseModuleURL(m.URL)
	if err != nil {
		return nil, err
	}
	w := &wanted{Request: r, url: u, text: m.URL, pin: m.Digest}
	if u.Scheme == "file" {
		if !filepath.IsAbs(u.Path) {
			w.url.Path = filepath.Join(r.BaseDir, u.Path)
		}
		if w.url.Path, err = filepath.Abs(w.url.Path); err != nil {
			return nil, fmt.Errorf("finding the module's file: %w", err)
		}
	}
	rule := r.Policy.RuleOf(w.url)
	groups := [][]string{m.Pull.Keys}
	if rule != nil {
		groups = [][]string{rule.Keys, m.Pull.Keys} // the mesh's signer is the one that is told
	}
	for _, texts := range groups {
		keys, err := signature.ParsePublicKeys(texts)
		if err != nil {
			return nil, fmt.Errorf("a public key of it: %w", err)
		}
		if len(keys) > 0 {
			w.keys = append(w.keys, keys)
		}
	}
	return w, nil
}

// limit is the most bytes of the module.
func (w *wanted) limit() int64 {
	if w.Policy != nil && w.Policy.MaxBytes > 0 {
		return w.Policy.MaxBytes
	}
	return MaxSize
}

// key tells requests apart. Who may not pull an image does not get what
// another pulled, and what nobody had to sign is not taken for signed.
func (w *wanted) key() string {
	id := struct {
		URL, Pin, Type, Secret string
		Keys                   [][]string
	}{URL: w.url.String(), Pin: w.pin, Type: string(w.Filter.Type)}
	if w.Filter.Module.Pull.Secret != "" {
		id.Secret = w.Filter.Object.Namespace + "/" + w.Filter.Module.Pull.Secret
	}
	for _, group := range w.keys {
		var names []string
		for _, k := range group {
			names = append(names, k.Fingerprint())
		}
		id.Keys = append(id.Keys, names)
	}
	b, _ := json.Marshal(id) // texts only
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

// answer is a module as the request's object names it.
func (w *wanted) answer(m model.Module) model.Module {
	m.URL, m.Pull = w.text, w.Filter.Module.Pull
	return m
}
