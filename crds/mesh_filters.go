package crds

import (
	"time"

	"github.com/krater-mesh/krater/model"
)

// MeshFilters is what the mesh asks of Wasm modules, wherever an object takes
// them from.
type MeshFilters struct {
	Signatures   []MeshSignatureRule `json:"signatures"`
	Hosts        []MeshFetchHost     `json:"hosts"`
	OnlyHosts    bool                `json:"onlyHosts"`    // none but those of hosts
	MaxSize      string              `json:"maxSize"`      // "64Mi"
	PullInterval model.Duration      `json:"pullInterval"` // between two looks at what may change
}

// MeshSignatureRule says who must have signed what begins with a URL.
type MeshSignatureRule struct {
	URL      string   `json:"url"`
	Keys     []string `json:"keys"` // PEM public keys
	Unsigned bool     `json:"unsigned"`
}

// The bounds of a module's size and of the time between two looks.
const (
	maxModuleSize   = 1 << 30
	minPullInterval = model.Duration(10 * time.Second)
)

func (f *MeshFilters) validate(r *report) {
	seen := map[string]bool{}
	for i, s := range f.Signatures {
		at := index("spec.filters.signatures", i)
		scheme, host, under, err := model.ParseRuleURL(s.URL)
		if s.URL != "" && err != nil {
			r.bad(at+".url", "%v", err)
		}
		if id := scheme + "://" + host + under; seen[id] {
			r.add(model.Error, model.CodeDuplicateObject, at+".url", "", "there is a rule for it already")
		} else {
			seen[id] = true
		}
		switch {
		case len(s.Keys) == 0 && !s.Unsigned:
			r.missing(at+".keys", "who must have signed them? Public keys, or unsigned: true")
		case len(s.Keys) > 0 && s.Unsigned:
			r.bad(at+".unsigned", "it has keys: then a signature is asked for")
		}
		r.publicKeys(s.Keys, at+".keys")
	}
	for i, h := range f.Hosts {
		h.validate(r, index("spec.filters.hosts", i))
	}
	if n, ok := parseSize(f.MaxSize); f.MaxSize != "" && (!ok || n < 1 || n > maxModuleSize) {
		r.bad("spec.filters.maxSize", "want a size of at most 1Gi, such as 64Mi, got %q", f.MaxSize)
	}
	if f.PullInterval != 0 && f.PullInterval < minPullInterval {
		r.bad("spec.filters.pullInterval", "want at least 10s")
	}
}

// policy is the same, as the model has it.
func (f *MeshFilters) policy() *model.ModulePolicy {
	if f == nil {
		return nil
	}
	out := &model.ModulePolicy{OnlyHosts: f.OnlyHosts, PullInterval: f.PullInterval}
	out.MaxBytes, _ = parseSize(f.MaxSize)
	for _, s := range f.Signatures {
		out.Signatures = append(out.Signatures, model.SignatureRule(s))
	}
	out.Hosts = fetchHosts(f.Hosts)
	return out
}
