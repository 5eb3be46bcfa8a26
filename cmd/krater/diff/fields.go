package diff

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// fields are the values in which two resources of one name differ.
func (c *comparison) fields(before, after proto.Message) ([]Field, error) {
	if before == after {
		return nil, nil
	}
	key := pair{before, after}
	if known, ok := c.known[key]; ok {
		return known, nil
	}
	var out []Field
	if !proto.Equal(before, after) {
		old, err := plain(before)
		if err != nil {
			return nil, err
		}
		now, err := plain(after)
		if err != nil {
			return nil, err
		}
		out = differ("", old, now)
	}
	c.known[key] = out
	return out, nil
}

// plain is a message as JSON values, with digests in the place of keys.
func plain(m proto.Message) (any, error) {
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("writing a %s: %w", m.ProtoReflect().Descriptor().Name(), err)
	}
	var out any
	if err := json.Unmarshal(text, &out); err != nil {
		return nil, fmt.Errorf("reading a %s: %w", m.ProtoReflect().Descriptor().Name(), err)
	}
	return hidden(out), nil
}

// hidden puts a digest where a private key is: that it changed may be seen.
func hidden(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			if name == "private_key" || name == "password" || name == "generic_secret" {
				text, _ := json.Marshal(value)
				v[name] = digest(string(text))
				continue
			}
			v[name] = hidden(value)
		}
	case []any:
		for i := range v {
			v[i] = hidden(v[i])
		}
	case string:
		if decoded, err := base64.StdEncoding.DecodeString(v); err == nil && strings.Contains(string(decoded), "PRIVATE KEY-----") {
			return digest(v)
		}
	}
	return v
}

func digest(text string) string {
	return fmt.Sprintf("(hidden, sha256 %.8x)", sha256.Sum256([]byte(text)))
}

// differ walks two values in step.
func differ(path string, a, b any) []Field {
	switch old := a.(type) {
	case map[string]any:
		if now, ok := b.(map[string]any); ok {
			return differMaps(path, old, now)
		}
	case []any:
		if now, ok := b.([]any); ok {
			return differLists(path, old, now)
		}
	}
	if reflect.DeepEqual(a, b) {
		return nil
	}
	return []Field{{path, a, b}}
}

func differMaps(path string, a, b map[string]any) (out []Field) {
	names := maps.Clone(a)
	maps.Copy(names, b)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		at := strings.TrimPrefix(path+"."+name, ".")
		out = append(out, differ(at, a[name], b[name])...)
	}
	return out
}

// differLists compares items of one name, wherever they stand; items without
// names by what they are.
func differLists(path string, a, b []any) (out []Field) {
	left, right := keyed(a), keyed(b)
	for _, key := range left.order {
		out = append(out, differ(path+"["+key+"]", left.items[key], right.items[key])...)
	}
	for _, key := range right.order {
		if _, known := left.items[key]; !known {
			out = append(out, Field{path + "[" + key + "]", nil, right.items[key]})
		}
	}
	if len(out) == 0 && !slices.Equal(left.order, right.order) {
		out = append(out, Field{path + " (order)", strings.Join(left.order, ", "), strings.Join(right.order, ", ")})
	}
	return out
}

type items struct {
	order []string
	items map[string]any
}

// keyed names the items of a list.
func keyed(list []any) items {
	out := items{items: map[string]any{}}
	for _, item := range list {
		name := identity(item)
		for n := 2; ; n++ {
			if _, taken := out.items[name]; !taken {
				break
			}
			name = fmt.Sprintf("%s #%d", identity(item), n)
		}
		out.order = append(out.order, name)
		out.items[name] = item
	}
	return out
}

// identity is what an item is told apart by: its name, its address, or itself.
func identity(item any) string {
	o, ok := item.(map[string]any)
	if !ok {
		text, _ := json.Marshal(item)
		return strings.Trim(string(text), `"`)
	}
	for _, by := range []string{"name", "key"} {
		if name, ok := o[by].(string); ok && name != "" {
			return name
		}
	}
	for _, path := range [][]string{{"endpoint", "address", "socket_address"}, {"header"}, {"locality"}} {
		var at any = o
		for _, step := range path {
			m, _ := at.(map[string]any)
			at = m[step]
		}
		if m, ok := at.(map[string]any); ok {
			return fmt.Sprint(first(m, "address", "key", "region"))
		}
	}
	return "item"
}

// first gives the values of the names that are there, joined.
func first(m map[string]any, names ...string) string {
	var parts []string
	for _, name := range append(names, "port_value", "zone", "sub_zone") {
		if v, ok := m[name]; ok {
			parts = append(parts, fmt.Sprint(v))
		}
	}
	return strings.Join(parts, ":")
}
