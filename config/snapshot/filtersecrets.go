package snapshot

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// secretValues adds the values that a filter names. One that is not there
// keeps a new version out of force; where there is no other, the filter stays,
// and its failure policy decides.
func (d *draft) secretValues(e *crds.Entry, f *model.FilterBinding) {
	d.secretsNamed(e, f.Secrets)
	for _, r := range f.Routes {
		d.secretsNamed(e, r.Secrets)
	}
}

func (d *draft) secretsNamed(e *crds.Entry, named []model.FilterSecret) {
	for _, s := range named {
		of, there := (*d.secrets)[e.Ref.Namespace+"/"+s.Name]
		value, ok := of[s.Key]
		switch {
		case !there:
			d.missing(e, s.Field+".secretRef.name", "declare it, or correct the name",
				"there is no Secret %s/%s", e.Ref.Namespace, s.Name)
		case !ok:
			d.missing(e, s.Field+".secretRef.key", "add it, or correct the name; the keys of TLS settings are not filters' to have",
				"the Secret %s/%s has no key %q for filters", e.Ref.Namespace, s.Name, s.Key)
		default:
			v := &model.SecretValue{Namespace: e.Ref.Namespace, Name: s.Name, Key: s.Key, Value: value}
			v.Generation = d.generation(v)
			d.snap.SecretValues = append(d.snap.SecretValues, v)
		}
	}
}

// generation counts on from the snapshot before.
func (d *draft) generation(v *model.SecretValue) int {
	if d.opts.Previous == nil {
		return 1
	}
	for _, was := range d.opts.Previous.Snapshot.SecretValues {
		if was.Ref() != v.Ref() {
			continue
		}
		if bytes.Equal(was.Value, v.Value) {
			return was.Generation
		}
		return was.Generation + 1
	}
	return 1
}

// sortSecretValues brings each once.
func (d *draft) sortSecretValues() {
	slices.SortFunc(d.snap.SecretValues, func(a, b *model.SecretValue) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name), strings.Compare(a.Key, b.Key))
	})
	d.snap.SecretValues = slices.CompactFunc(d.snap.SecretValues, func(a, b *model.SecretValue) bool { return a.Ref() == b.Ref() })
}
