package opaconfig

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Refusal is why a key cannot be taken over.
type Refusal struct{ Key, Why string }

func (r Refusal) Error() string { return r.Key + ": " + r.Why }

// check finds every key that policyd does not act on.
func check(tree map[string]any) []Refusal {
	var out []Refusal
	walk(nil, tree, &out)
	return out
}

func walk(path []string, node any, out *[]Refusal) {
	switch node := node.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(node)) {
			step(append(slices.Clone(path), name), node[name], out)
		}
	case []any: // services may be a list
		for i, item := range node {
			step(append(slices.Clone(path), fmt.Sprint(i)), item, out)
		}
	}
}

// step looks at one key: it is known, or it leads to some that are, or it is
// refused.
func step(path []string, value any, out *[]Refusal) {
	name := strings.Join(path, ".")
	if k, known := find(path); known {
		if k.Refused {
			*out = append(*out, Refusal{name, "policyd does not do this: " + k.Means})
		} else if name == "services" {
			walk(path, value, out)
		}
		return
	}
	if !leads(path) {
		*out = append(*out, Refusal{name, "neither OPA nor its Envoy plugin has such a key: is it written right?"})
		return
	}
	switch value.(type) {
	case map[string]any, []any:
		walk(path, value, out)
	case nil:
	default:
		*out = append(*out, Refusal{name, "want an object"})
	}
}

// find gives the key of a path; one that names each of its steps comes before
// one with "*".
func find(path []string) (Key, bool) {
	var found Key
	best := -1
	for _, k := range Keys {
		steps := strings.Split(k.Path, ".")
		if len(steps) == len(path) && matches(steps, path) {
			if exact := len(steps) - strings.Count(k.Path, "*"); exact > best {
				found, best = k, exact
			}
		}
	}
	if best >= 0 && strings.HasSuffix(found.Path, ".*") && leadsExactly(path) {
		return Key{}, false
	}
	return found, best >= 0
}

// leadsExactly tells whether some key goes on from a path that it names.
func leadsExactly(path []string) bool {
	for _, k := range Keys {
		steps := strings.Split(k.Path, ".")
		if len(steps) > len(path) && matches(steps, path) && steps[len(path)-1] != "*" {
			return true
		}
	}
	return false
}

// leads tells whether some key goes on from a path.
func leads(path []string) bool {
	for _, k := range Keys {
		if steps := strings.Split(k.Path, "."); len(steps) > len(path) && matches(steps, path) {
			return true
		}
	}
	return false
}

func matches(steps, path []string) bool {
	for i, name := range path {
		if steps[i] != "*" && steps[i] != name {
			return false
		}
	}
	return true
}
