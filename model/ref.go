package model

import (
	"encoding/json"
	"strings"
)

// RefPath is the way from the input document to what a reference of Rego
// names: `input.a["b c"].d` is a, b c, d. It ends where the reference goes into
// a list, or on by what is not known before a request comes.
func RefPath(ref string) []string {
	rest, ok := strings.CutPrefix(ref, "input")
	if !ok {
		return nil
	}
	var path []string
	for rest != "" {
		switch {
		case rest[0] == '.':
			end := strings.IndexAny(rest[1:], ".[")
			if end < 0 {
				end = len(rest) - 1
			}
			path, rest = append(path, rest[1:1+end]), rest[1+end:]
		case strings.HasPrefix(rest, `["`):
			d := json.NewDecoder(strings.NewReader(rest[1:]))
			var name string
			if err := d.Decode(&name); err != nil {
				return path
			}
			rest = rest[1+int(d.InputOffset()):]
			if !strings.HasPrefix(rest, "]") {
				return path
			}
			path, rest = append(path, name), rest[1:]
		default:
			return path
		}
	}
	return path
}

// Lookup finds what a path leads to in a document.
func Lookup(document any, path []string) (any, bool) {
	for _, name := range path {
		object, ok := document.(map[string]any)
		if !ok {
			return nil, false
		}
		if document, ok = object[name]; !ok {
			return nil, false
		}
	}
	return document, true
}

// PutAt puts a value where a path leads to, unless something around it is
// there.
func PutAt(document map[string]any, path []string, value any) {
	for i, name := range path {
		if i == len(path)-1 {
			document[name] = value
			return
		}
		next, ok := document[name].(map[string]any)
		switch {
		case !ok && document[name] != nil:
			return
		case !ok:
			next = map[string]any{}
			document[name] = next
		}
		document = next
	}
}
