package controlplane

import (
	"encoding/json"
	"fmt"

	"github.com/krater-mesh/krater/agent/secrets"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/serve"
	"github.com/krater-mesh/krater/xds/translate"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// filterSecrets hands each proxy the values that its own filters name: what
// its resources refer to, and nothing else. It keeps what it found and made.
type filterSecrets struct {
	refs map[*translate.Part][]model.SecretRef
	made map[string]*serve.Part // by what is sent
}

// of gives a function that gives a workload's part.
func (f *filterSecrets) of(s *model.Snapshot, e *serve.Encoder) func(model.Workload, []*translate.Part) (*serve.Part, error) {
	refs, made := f.refs, f.made
	f.refs, f.made = map[*translate.Part][]model.SecretRef{}, map[string]*serve.Part{}
	values := map[model.SecretRef]model.Sensitive{}
	for _, v := range s.SecretValues {
		values[v.Ref()] = v.Value
	}
	return func(w model.Workload, parts []*translate.Part) (*serve.Part, error) {
		own := model.FilterSecrets{}
		for _, p := range parts {
			named, known := refs[p]
			if !known {
				var err error
				if named, err = refsOf(p); err != nil {
					return nil, fmt.Errorf("finding the secrets of %s: %w", w.ID(), err)
				}
			}
			f.refs[p] = named
			for _, r := range named {
				if r.Namespace != w.Namespace && r.Namespace != s.Mesh.RootNamespace {
					return nil, fmt.Errorf("publishing for %s: it would get the Secret %s/%s", w.ID(), r.Namespace, r.Name)
				}
				if own.Values == nil {
					own.Values = map[string][]byte{}
				}
				own.Values[r.String()] = values[r] // nil: it is not there
			}
		}
		body, err := json.Marshal(own)
		if err != nil {
			return nil, fmt.Errorf("encoding the secrets of %s: %w", w.ID(), err)
		}
		part := made[string(body)]
		if part == nil {
			part = f.made[string(body)]
		}
		if part == nil {
			if part, err = e.Part(serve.Set{model.TypeFilterSecrets: {model.FilterSecretsName: wrapperspb.Bytes(body)}}); err != nil {
				return nil, fmt.Errorf("encoding the secrets of %s: %w", w.ID(), err)
			}
		}
		f.made[string(body)] = part
		return part, nil
	}
}

// refsOf are the keys of Secrets that a part's filters name.
func refsOf(p *translate.Part) ([]model.SecretRef, error) {
	var out []model.SecretRef
	for _, slot := range p.Resources.Extensions {
		refs, err := secrets.Refs(slot)
		if err != nil {
			return nil, err
		}
		out = append(out, refs...)
	}
	return out, nil
}
