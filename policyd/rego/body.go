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
	"google.golang.org/protobuf/reflect/protoregistry"
)

// body is what a policy sees of a request's body.
type body struct {
	items     []item    // members of `input.attributes.request.http`
	parsed    *ast.Term // parsed_body; null where there is nothing to parse
	truncated bool
}

// bodyRules say how a policy sees bodies.
type bodyRules struct {
	max     uint32               // bytes; 0: none is seen
	whole   bool                 // a longer one is none that the policy decides about
	raw     bool                 // one that came as bytes is rawBody
	unread  bool                 // there is no parsed_body, and no truncated_body
	methods *protoregistry.Files // by which gRPC messages are read; nil: they are not
}

var (
	errJSONBody = errors.New("the body is no JSON")
	errFormBody = errors.New("the body is no form")
	errTooLong  = errors.New("it is longer than spec.maxBody")
)

// partialBody is the header by which Envoy says that it sent a part only.
const partialBody = "x-envoy-auth-partial-body"

// read gives at most max bytes of the body, and what they say by their content
// type: JSON, a form, a multipart form, or a gRPC message. What was truncated
// is not parsed.
func (r *bodyRules) read(h *authv3.AttributeContext_HttpRequest) (body, error) {
	b := body{parsed: ast.InternedNullTerm}
	content, packed := h.GetBody(), false
	if content == "" {
		content, packed = string(h.GetRawBody()), len(h.GetRawBody()) > 0
	}
	if r.max == 0 {
		return b, nil
	}
	if len(content) > int(r.max) {
		content, b.truncated = content[:r.max], true
	}
	if length, err := strconv.ParseInt(h.GetHeaders()["content-length"], 10, 64); err == nil && length > int64(len(content)) {
		b.truncated = true
	}
	if h.GetHeaders()[partialBody] == "true" {
		b.truncated = true
	}
	if b.truncated && r.whole {
		return b, errTooLong
	}
	switch {
	case content == "":
		return b, nil
	case packed && r.raw:
		b.items = text(nil, keyRawBody, base64.StdEncoding.EncodeToString([]byte(content)))
	case packed: // as Envoy would have sent it
		b.items = text(nil, keyBody, envoyText(content))
	default:
		b.items = text(nil, keyBody, validUTF8(content))
	}
	if r.unread {
		return b, nil
	}
	if kind := h.GetHeaders()["content-type"]; r.methods != nil && packed && strings.Contains(strings.ToLower(kind), "application/grpc") {
		var err error
		b.parsed, b.truncated, err = readMessage([]byte(content), h.GetPath(), r.methods)
		return b, err
	}
	if b.truncated {
		return b, nil
	}
	var err error
	b.parsed, err = parseBody(content, h.GetHeaders()["content-type"])
	return b, err
}

// bodyCost is what a byte of a body takes when it is parsed.
const bodyCost = 32

// cost is what reading a request's body takes of memory.
func (r *bodyRules) cost(h *authv3.AttributeContext_HttpRequest) int64 {
	return bodyCost * int64(min(len(h.GetBody())+len(h.GetRawBody()), int(r.max)))
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
