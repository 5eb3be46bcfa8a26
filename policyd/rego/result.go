package rego

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
)

// readResult makes a rule's value an answer: a boolean, or an object with
// "allowed" and the fields opa-envoy-plugin reads for that verdict. A wrong
// type in one of them is an error. Other fields are the policy author's own,
// and are left alone.
func readResult(value any) (Answer, error) {
	switch v := value.(type) {
	case bool:
		return Answer{Allowed: v, Status: defaultDenial}, nil
	case map[string]any:
		return readObject(v)
	}
	return Answer{}, fmt.Errorf("the result is %s, not a boolean or an object", typeName(value))
}

func readObject(object map[string]any) (Answer, error) {
	allowed, ok := object["allowed"].(bool)
	if !ok {
		return Answer{}, fmt.Errorf("allowed is %s, not a boolean", typeName(object["allowed"]))
	}
	a := Answer{Allowed: allowed, Status: defaultDenial}
	for _, field := range resultFields {
		value, given := object[field.name]
		if !given || (field.only == onAllow && !allowed) || (field.only == onDeny && allowed) {
			continue
		}
		if err := field.read(&a, value); err != nil {
			return Answer{}, fmt.Errorf("%s: %w", field.name, err)
		}
	}
	return a, nil
}

// verdict says for which verdict a field of a result is read.
type verdict int

const (
	always verdict = iota
	onAllow
	onDeny
)

// resultFields are the fields of an object result beside "allowed".
var resultFields = []struct {
	name string
	only verdict
	read func(*Answer, any) error
}{
	{"http_status", onDeny, func(a *Answer, v any) (err error) { a.Status, err = readStatus(v); return }},
	{"body", onDeny, func(a *Answer, v any) (err error) { a.Body, err = readString(v); return }},
	{"headers", always, func(a *Answer, v any) (err error) { a.Headers, err = readHeaders(v); return }},
	{"response_headers_to_add", onAllow, func(a *Answer, v any) (err error) { a.ResponseHeaders, err = readHeaders(v); return }},
	{"request_headers_to_remove", onAllow, func(a *Answer, v any) (err error) { a.RemoveHeaders, err = readNames(v); return }},
	{"query_parameters_to_set", onAllow, func(a *Answer, v any) (err error) { a.SetQuery, err = readPairs(v); return }},
	{"query_parameters_to_remove", onAllow, func(a *Answer, v any) (err error) { a.RemoveQuery, err = readStrings(v); return }},
	{"dynamic_metadata", always, func(a *Answer, v any) (err error) { a.Metadata, err = readMetadata(v); return }},
}

func readStatus(v any) (int, error) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, wrongType(v, "a number")
	}
	status, err := strconv.Atoi(n.String())
	if err != nil || !envoyStatus(status) {
		return 0, errors.New("not an HTTP status that Envoy sends")
	}
	return status, nil
}

// envoyStatus tells whether Envoy can answer with a status.
func envoyStatus(status int) bool {
	_, known := typev3.StatusCode_name[int32(status)]
	return known && status >= 200
}

func readString(v any) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", wrongType(v, "a string")
	}
	return strings.ToValidUTF8(s, "\uFFFD"), nil
}

func readStrings(v any) ([]string, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, wrongType(v, "a list of strings")
	}
	out := make([]string, len(list))
	for i, item := range list {
		s, err := readString(item)
		if err != nil {
			return nil, err
		}
		out[i] = s
	}
	return out, nil
}

func wrongType(v any, want string) error { return fmt.Errorf("%s, not %s", typeName(v), want) }

// typeName is the JSON type of a value, never the value.
func typeName(v any) string {
	switch v.(type) {
	case nil:
		return "null or absent"
	case bool:
		return "a boolean"
	case string:
		return "a string"
	case json.Number:
		return "a number"
	case []any:
		return "a list or a set"
	case map[string]any:
		return "an object"
	}
	return fmt.Sprintf("a %T", v)
}
