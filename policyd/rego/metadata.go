package rego

import (
	"encoding/json"
	"errors"
	"strings"
)

func readMetadata(v any) (map[string]any, error) {
	object, ok := v.(map[string]any)
	if !ok {
		return nil, wrongType(v, "an object")
	}
	plain, err := plainValue(object)
	if err != nil {
		return nil, err
	}
	return plain.(map[string]any), nil
}

// plainValue makes JSON numbers float64s, as protobuf's Struct holds them,
// and strings valid UTF-8.
func plainValue(v any) (any, error) {
	switch v := v.(type) {
	case json.Number:
		f, err := v.Float64()
		if err != nil {
			return nil, errors.New("a number is out of range")
		}
		return f, nil
	case string:
		return strings.ToValidUTF8(v, "\uFFFD"), nil
	case []any:
		out := make([]any, len(v))
		for i := range v {
			var err error
			if out[i], err = plainValue(v[i]); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		out := make(map[string]any, len(v))
		for k := range v {
			value, err := plainValue(v[k])
			if err != nil {
				return nil, err
			}
			out[strings.ToValidUTF8(k, "\uFFFD")] = value
		}
		return out, nil
	}
	return v, nil
}
