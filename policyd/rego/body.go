package rego

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/open-policy-agent/opa/v1/ast"
)

// body is what a policy sees of a request's body.
type body struct {
	items     []item    // members of `input.attributes.request.http`
	parsed    *ast.Term // parsed_body; null where there is nothing to parse
	truncated bool
}

var (
	errJSONBody = errors.New("the body is no JSON")
	errFormBody = errors.New("the body is no form")
)

// partialBody is the header by which Envoy says that it sent a part only.
const partialBody = "x-envoy-auth-partial-body"

// readBody gives at most max bytes of the body, and what they say by their
// content type: JSON, a form, or a multipart form. What was truncated is not
// parsed.
func readBody(h *authv3.AttributeContext_HttpRequest, max uint32) (body, error) {
	b := body{parsed: ast.InternedNullTerm}
	content, packed := h.GetBody(), false
	if content == "" {
		content, packed = string(h.GetRawBody()), len(h.GetRawBody()) > 0
	}
	if content == "" || max == 0 {
		return b, nil
	}
	if len(content) > int(max) {
		content, b.truncated = content[:max], true
	}
	if length, err := strconv.ParseInt(h.GetHeaders()["content-length"], 10, 64); err == nil && length > int64(len(content)) {
		b.truncated = true
	}
	if h.GetHeaders()[partialBody] == "true" {
		b.truncated = true
	}
	if packed {
		b.items = text(nil, keyRawBody, base64.StdEncoding.EncodeToString([]byte(content)))
	} else {
		b.items = text(nil, keyBody, validUTF8(content))
	}
	if b.truncated {
		return b, nil
	}
	var err error
	b.parsed, err = parseBody(content, h.GetHeaders()["content-type"])
	return b, err
}

func parseBody(content, contentType string) (*ast.Term, error) {
	kind := strings.ToLower(contentType)
	switch {
	case strings.Contains(kind, "application/json"):
		value, err := parseJSON([]byte(content))
		if err != nil {
			return nil, errJSONBody
		}
		return ast.NewTerm(value), nil
	case strings.Contains(kind, "application/x-www-form-urlencoded"):
		values, err := url.ParseQuery(content)
		if err != nil {
			return nil, errFormBody
		}
		return lists(values), nil
	case strings.Contains(kind, "multipart/form-data"):
		return parseMultipart(content, contentType)
	}
	return ast.InternedNullTerm, nil
}

// parseMultipart gives each named part's contents: a list of strings, or of
// values where a part is JSON.
func parseMultipart(content, contentType string) (*ast.Term, error) {
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, errFormBody
	}
	if params["boundary"] == "" {
		return ast.InternedNullTerm, nil
	}
	parts := map[string][]*ast.Term{}
	reader := multipart.NewReader(strings.NewReader(content), params["boundary"])
	for {
		part, err := reader.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, errFormBody
		}
		value, err := io.ReadAll(part)
		if err != nil {
			return nil, errFormBody
		}
		name := part.FormName()
		if name == "" {
			continue
		}
		term := stringTerm(string(value))
		if strings.Contains(strings.ToLower(part.Header.Get("Content-Type")), "application/json") {
			parsed, err := parseJSON(value)
			if err != nil {
				return nil, errJSONBody
			}
			term = ast.NewTerm(parsed)
		}
		parts[name] = append(parts[name], term)
	}
	items := make([]item, 0, len(parts))
	for name, terms := range parts {
		items = append(items, item{stringTerm(name), ast.ArrayTerm(terms...)})
	}
	return object(items), nil
}

// parseJSON reads one JSON text, numbers as they are written.
func parseJSON(text []byte) (ast.Value, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("something follows the value")
	}
	return ast.InterfaceToValue(v)
}

func validUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}
