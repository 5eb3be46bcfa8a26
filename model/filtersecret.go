package model

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// TypeFilterSecrets is the type of one resource, FilterSecretsName: FilterSecrets
// for the agent of a proxy whose filters name any.
const (
	TypeFilterSecrets = "type.googleapis.com/krater.v1alpha1.FilterSecrets"
	FilterSecretsName = "filters"
)

// FilterSecrets are the values that a proxy's filters name, by SecretRef. Nil
// is one that is named and not there now: the agent goes on with what it had.
type FilterSecrets struct {
	Values map[string][]byte `json:"values,omitempty"`
}

// SecretRef is a key of a Secret.
type SecretRef struct{ Namespace, Name, Key string }

// String is its key in FilterSecrets.
func (r SecretRef) String() string { return r.Namespace + "/" + r.Name + "/" + r.Key }

// SecretValue is the value of a key that a filter in force names. Not even its
// hash is written down: short values are guessed from theirs. Generation tells
// one value from the one before.
type SecretValue struct {
	Namespace  string    `json:"namespace"`
	Name       string    `json:"name"`
	Key        string    `json:"key"`
	Generation int       `json:"generation"` // since the control plane's start
	Value      Sensitive `json:"-"`
}

// Ref is what names it.
func (v SecretValue) Ref() SecretRef { return SecretRef{v.Namespace, v.Name, v.Key} }

// MapSecretRefs gives a configuration with something else in the place of each
// {"secretRef":{…}}; f is given its path and what stands behind "secretRef".
// Without any it is the very text.
func MapSecretRefs(config string, f func(path string, ref any) any) (string, error) {
	if !strings.Contains(config, `secretRef`) {
		return config, nil
	}
	d := json.NewDecoder(strings.NewReader(config))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		return "", err
	}
	found := false
	value = mapRefs(value, "", func(path string, ref any) any { found = true; return f(path, ref) })
	if !found {
		return config, nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(value)
	return strings.TrimSpace(b.String()), err
}

func mapRefs(v any, path string, f func(string, any) any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = mapRefs(v[i], path+"["+strconv.Itoa(i)+"]", f)
		}
	case map[string]any:
		if ref, ok := v["secretRef"]; ok && len(v) == 1 {
			return f(path, ref)
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			at := name
			if path != "" {
				at = path + "." + name
			}
			v[name] = mapRefs(v[name], at, f)
		}
	}
	return v
}

// SecretRefOf reads what stands behind "secretRef"; namespace is that of a
// reference which does not say.
func SecretRefOf(ref any, namespace string) (SecretRef, bool) {
	m, ok := ref.(map[string]any)
	out := SecretRef{Namespace: namespace}
	fields := map[string]*string{"name": &out.Name, "key": &out.Key, "namespace": &out.Namespace}
	for name, v := range m {
		text, isText := v.(string)
		if fields[name] == nil || !isText {
			return SecretRef{}, false
		}
		*fields[name] = text
	}
	return out, ok && out.Name != "" && out.Key != "" && !strings.Contains(out.Name+out.Namespace, "/")
}
