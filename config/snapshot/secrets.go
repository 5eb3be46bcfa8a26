package snapshot

import (
	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

var secretsStep = step{
	name:  "secrets",
	kinds: []string{"Secret"},
	reads: func(*draft) []any { return nil },
	run: func(d *draft) {
		d.secrets = &secretData{}
		d.each(d.secret)
	},
	share: func(d *draft, p *Result) {
		d.snap.Secrets = shared(d.snap.Secrets, p.Snapshot.Secrets, func(v *model.Secret) model.Ref { return v.Object })
	},
	outputs: func(d *draft) []any { return []any{&d.snap.Secrets, &d.secrets} },
}

// secretData is what Secrets hold for filters, by "namespace/name". The same
// pointer is the same Secrets.
type secretData map[string]map[string][]byte

// secret adds a Secret that TLS settings can use, and notes what others may.
func (d *draft) secret(e *crds.Entry) {
	s := e.Content.Secret
	if s != nil {
		(*d.secrets)[e.Ref.Key()] = s.Values
	}
	if s == nil || len(s.Certificate)+len(s.CA) == 0 {
		return
	}
	d.snap.Secrets = append(d.snap.Secrets, &model.Secret{Object: e.Ref,
		Certificate: s.Certificate, PrivateKey: s.PrivateKey, CA: s.CA, CRL: s.CRL})
}

func (d *draft) secretNamed(namespace, name string) *model.Secret {
	for _, s := range d.snap.Secrets {
		if s.Object.Namespace == namespace && s.Object.Name == name {
			return s
		}
	}
	return nil
}
