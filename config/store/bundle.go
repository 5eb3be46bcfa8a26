package store

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// BundleRequest asks for the modules and data that a policy's bundle holds.
type BundleRequest struct {
	Object model.Ref
	Bundle model.RegoBundle
	Token  []byte            // nil: none is sent
	Keys   map[string][]byte // those that Secrets hold, by id
	Policy *model.FetchPolicy
}

// BundleAnswer is what is to be had.
type BundleAnswer struct {
	Modules          []model.RegoModule
	Data             string // a JSON object; "": none
	Revision, Digest string // of what is there; Digest "": nothing is
	Pending          bool   // it is not known yet what comes
	Message          string // why there is none, or none newer
	Signature        bool   // that is for its signature
}

// bundle is what came of asking for a policy's bundle.
type bundle struct {
	asked  *crds.Entry // before it was known
	answer BundleAnswer
}

var _ brought = (*bundle)(nil)

// bundleOf asks for the bundle of an entry, and puts there what it holds; nil:
// it needs none.
func (h Hooks) bundleOf(e *crds.Entry) brought {
	p := e.Content.Rego
	if p == nil || p.Bundle == nil || h.ResolveBundle == nil {
		return nil
	}
	asked := *e
	b := &bundle{asked: &asked}
	request := BundleRequest{Object: e.Ref, Bundle: *p.Bundle, Policy: h.around.fetch, Keys: map[string][]byte{}}
	if h.around.lost {
		b.answer.Message = "what the mesh allows to be fetched cannot be read: mend the Mesh first"
		return b
	}
	if message := request.secrets(e.Ref.Namespace, h.around.values); message != "" {
		b.answer.Message = message
		return b
	}
	b.answer = h.ResolveBundle(request)
	resolved := *p
	if message := b.answer.into(&resolved); message != "" {
		b.answer = BundleAnswer{Message: message}
		return b
	}
	e.Content.Rego = &resolved
	e.Version = model.Hash(e.Content)
	return b
}

// secrets fills in what Secrets hold of a request.
func (r *BundleRequest) secrets(namespace string, values map[string]map[string][]byte) string {
	of := func(s *model.SecretKey) ([]byte, string) {
		v, ok := values[namespace+"/"+s.Name][s.Key]
		if !ok {
			return nil, fmt.Sprintf("there is no Secret %s with the key %s in the namespace %s", s.Name, s.Key, namespace)
		}
		return v, ""
	}
	var message string
	if r.Bundle.Token != nil {
		if r.Token, message = of(r.Bundle.Token); message != "" {
			return message
		}
	}
	if r.Bundle.Signature == nil {
		return ""
	}
	for _, k := range r.Bundle.Signature.Keys {
		if k.Secret == nil {
			continue
		}
		if r.Keys[k.ID], message = of(k.Secret); message != "" {
			return message
		}
	}
	return ""
}

// into adds what a bundle holds to what its policy holds itself. It says what
// both have.
func (a BundleAnswer) into(p *model.RegoPolicy) string {
	for _, m := range a.Modules {
		if slices.ContainsFunc(p.Modules, func(own model.RegoModule) bool { return own.Name == m.Name }) {
			return fmt.Sprintf("the module %s is in the bundle, and in spec.modules", m.Name)
		}
	}
	data, message := mergedData(p.Data, a.Data)
	if message != "" {
		return message
	}
	described := *p.Bundle
	described.Revision, described.Digest = a.Revision, a.Digest
	p.Bundle, p.Data = &described, data
	p.Modules = slices.Concat(p.Modules, a.Modules)
	return ""
}

// mergedData is the data of two objects that share no member.
func mergedData(own, bundled string) (data, message string) {
	if own == "" || bundled == "" {
		return own + bundled, ""
	}
	all := map[string]json.RawMessage{}
	for _, text := range []string{bundled, own} {
		var members map[string]json.RawMessage
		if err := json.Unmarshal([]byte(text), &members); err != nil {
			return "", "its data is no object"
		}
		for name, v := range members {
			if _, twice := all[name]; twice {
				return "", fmt.Sprintf("data.%s is in the bundle, and in spec.data", name)
			}
			all[name] = v
		}
	}
	out, err := json.Marshal(all)
	if err != nil {
		return "", "its data cannot be written"
	}
	return string(out), ""
}

func (b *bundle) there() bool { return b.answer.Digest != "" }

// standIn leaves it to the denial that stands in for a bad policy.
func (b *bundle) standIn() *crds.Entry { return nil }

func (b *bundle) again(h Hooks) brought {
	e := *b.asked
	return h.bundleOf(&e)
}

func (b *bundle) same(other brought) bool {
	o, is := other.(*bundle)
	return is && b.answer.Digest == o.answer.Digest && b.answer.Pending == o.answer.Pending && b.answer.Message == o.answer.Message
}

// problems are what there is to tell of the bundle.
func (b *bundle) problems() model.Problems {
	const field = "spec.bundle.url"
	p := model.Problem{Code: model.CodeBundle, Severity: model.Error, Object: b.asked.Ref, Field: field, Origin: b.asked.At(field)}
	if b.answer.Signature {
		p.Code, p.Fix = model.CodeBadSignature, "have the bundle signed by one of spec.bundle.signature.keys"
	}
	url := b.asked.Content.Rego.Bundle.URL
	switch {
	case b.answer.Pending:
		p.Severity, p.Fix = model.Info, ""
		p.Message = fmt.Sprintf("the bundle %s is being fetched", url)
	case b.answer.Message == "":
		return nil
	default:
		p.Message = fmt.Sprintf("the bundle %s: %s", url, b.answer.Message)
		if b.there() {
			p.Severity = model.Warning
			p.Message += "; the one of before stays"
		}
	}
	return model.Problems{p}
}
