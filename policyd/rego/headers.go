package rego

import (
	"errors"
	"sort"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// readPairs reads an object whose values are strings or lists of strings, in
// the order of its keys, or a list of such objects.
func readPairs(v any) ([]Header, error) {
	switch v := v.(type) {
	case []any:
		var out []Header
		for _, item := range v {
			object, ok := item.(map[string]any)
			if !ok {
				return nil, wrongType(item, "an object")
			}
			pairs, err := readPairs(object)
			if err != nil {
				return nil, err
			}
			out = append(out, pairs...)
		}
		return out, nil
	case map[string]any:
		var out []Header
		for _, name := range sortedKeys(v) {
			values, err := readValues(v[name])
			if err != nil {
				return nil, err
			}
			for _, value := range values {
				out = append(out, Header{name, value})
			}
		}
		return out, nil
	}
	return nil, wrongType(v, "an object or a list of objects")
}

func readValues(v any) ([]string, error) {
	if s, ok := v.(string); ok {
		return []string{strings.ToValidUTF8(s, "\uFFFD")}, nil
	}
	if _, ok := v.([]any); !ok {
		return nil, wrongType(v, "a string or a list of strings")
	}
	return readStrings(v)
}

// readHeaders reads header pairs. Names and values that a proxy must not send
// are errors: pseudo headers and Host too, since routing and other policies
// have read the request's path and host already.
func readHeaders(v any) ([]Header, error) {
	pairs, err := readPairs(v)
	for _, p := range pairs {
		if !httpguts.ValidHeaderFieldName(p.Name) || strings.EqualFold(p.Name, "host") {
			return nil, errors.New("a key is no header that a policy may set")
		}
		if !httpguts.ValidHeaderFieldValue(p.Value) {
			return nil, errors.New("a value is no header value")
		}
	}
	return pairs, err
}

func readNames(v any) ([]string, error) {
	names, err := readStrings(v)
	for _, n := range names {
		if !httpguts.ValidHeaderFieldName(n) {
			return nil, errors.New("an item is no header name")
		}
	}
	return names, err
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
