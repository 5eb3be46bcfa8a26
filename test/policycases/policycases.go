// Package policycases turns YAML files into policies, requests and the
// answers that are wanted: behaviour as data. Each back-end that decides
// (OPA, lowered rules, a real Envoy) runs the same cases. It never decides.
package policycases

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/rego"
)

// Suite is one file: a policy and requests to it.
type Suite struct {
	File   string `json:"-"` // relative to the folder that was loaded
	Policy Policy `json:"policy"`
	// Problems are words that the compiler's problems must hold, in order;
	// none: it must have no problem. A suite whose policy does not compile
	// has no cases.
	Problems []string `json:"problems,omitempty"`
	Cases    []Case   `json:"cases,omitempty"`
}

// Policy is a RegoPolicy's spec.
type Policy struct {
	Modules []model.RegoModule `json:"modules"`
	Data    json.RawMessage    `json:"data,omitempty"`
	Query   string             `json:"query"`
	Failure model.FailureMode  `json:"failure,omitempty"` // Closed where not given
	Timeout model.Duration     `json:"timeout,omitempty"` // 10s where not given
	MaxBody uint32             `json:"maxBody,omitempty"`
	Lower   model.Lower        `json:"lower,omitempty"` // Require: no request of it is ever asked
	// Attributes are those that are declared for the policy's workload.
	Attributes []model.Attribute `json:"attributes,omitempty"`
}

// Case is one request and its answer.
type Case struct {
	Name    string  `json:"name"`
	Request Request `json:"request"`
	Want    Answer  `json:"want"`
	// Asks says why policyd may be asked though the policy is lowered whole: a
	// guard finds something strange in the request.
	Asks string `json:"asks,omitempty"`
	// NotThroughEnvoy says why a real Envoy cannot be sent this request.
	NotThroughEnvoy string `json:"notThroughEnvoy,omitempty"`
}

// Request is rego.Request as YAML. Header lines are "name: value", in order;
// what is no text is given as base64 beside it.
type Request struct {
	Method     string   `json:"method,omitempty"`
	Path       string   `json:"path,omitempty"`
	Host       string   `json:"host,omitempty"`
	Scheme     string   `json:"scheme,omitempty"`
	Protocol   string   `json:"protocol,omitempty"`
	ID         string   `json:"id,omitempty"`
	Headers    []string `json:"headers,omitempty"`
	RawHeaders []Raw    `json:"rawHeaders,omitempty"`
	PathBase64 string   `json:"pathBase64,omitempty"`
	Source     Endpoint `json:"source,omitzero"`
	Target     Endpoint `json:"target,omitzero"`
	Body       string   `json:"body,omitempty"`
	BodyBase64 string   `json:"bodyBase64,omitempty"`
	// Claims are those of the token that the proxy verified; nil: there was none.
	Claims map[string]any `json:"claims,omitempty"`
	SNI    string         `json:"sni,omitempty"` // what the client asked TLS for
	// Trailers follow the body; no policy ever sees them.
	Trailers []string `json:"trailers,omitempty"`
	// Declared is what the proxy draws for the declared attributes:
	// "NAME=TYPE:VALUE", and nothing for one that is absent.
	Declared []string `json:"declared,omitempty"`
	// Normalized is the path that a proxy makes of Path, and that policies see.
	Normalized string `json:"normalized,omitempty"`
}

// Raw is a header whose value is any bytes.
type Raw struct {
	Name   string `json:"name"`
	Base64 string `json:"base64"`
}

// Endpoint is one end of the connection.
type Endpoint struct {
	Address   string `json:"address"`
	Port      uint32 `json:"port,omitempty"`
	Principal string `json:"principal,omitempty"` // the URI of its certificate
}

// Answer is rego.Answer as YAML.
type Answer struct {
	Allowed         bool             `json:"allowed"`
	Failure         rego.FailureKind `json:"failure,omitempty"`
	Status          int              `json:"status,omitempty"` // of a denial: 403 where not given
	Body            string           `json:"body,omitempty"`
	Headers         []rego.Header    `json:"headers,omitempty"`
	ResponseHeaders []rego.Header    `json:"responseHeaders,omitempty"`
	RemoveHeaders   []string         `json:"removeHeaders,omitempty"`
	SetQuery        []rego.Header    `json:"setQuery,omitempty"`
	RemoveQuery     []string         `json:"removeQuery,omitempty"`
	Metadata        map[string]any   `json:"metadata,omitempty"`
}

// Load reads every topic's files below a folder: <topic>/<file>.yaml.
func Load(dir string) ([]Suite, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.yaml"))
	if err != nil {
		return nil, fmt.Errorf("finding policy cases in %s: %w", dir, err)
	}
	files = slices.DeleteFunc(files, func(f string) bool { return filepath.Base(filepath.Dir(f)) == "testdata" })
	suites := make([]Suite, len(files))
	for i, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading policy cases: %w", err)
		}
		if err := yaml.UnmarshalStrict(content, &suites[i]); err != nil {
			return nil, fmt.Errorf("reading policy cases of %s: %w", file, err)
		}
		if suites[i].File, err = filepath.Rel(dir, file); err != nil {
			return nil, fmt.Errorf("naming %s: %w", file, err)
		}
	}
	return suites, nil
}

// Model is the policy as the control plane hands it over. Its name is the
// file's.
func (s Suite) Model() model.RegoPolicy {
	p := model.RegoPolicy{
		Object:  model.Ref{Kind: "RegoPolicy", Namespace: "cases", Name: strings.TrimSuffix(filepath.Base(s.File), ".yaml")},
		Modules: s.Policy.Modules, Data: string(s.Policy.Data), Query: s.Policy.Query, Mode: model.Enforce,
		Failure: s.Policy.Failure, Timeout: s.Policy.Timeout, MaxBody: s.Policy.MaxBody, Lower: s.Policy.Lower,
	}
	if p.Failure == "" {
		p.Failure = model.FailClosed
	}
	if p.Timeout == 0 {
		p.Timeout = model.Duration(10e9)
	}
	return p
}

// AttributeSets declare the policy's attributes; nil: there are none.
func (s Suite) AttributeSets() []*model.AttributeSet {
	if len(s.Policy.Attributes) == 0 {
		return nil
	}
	return []*model.AttributeSet{{Object: model.Ref{Kind: "AttributeSet", Namespace: "cases", Name: "declared"}, Attributes: s.Policy.Attributes}}
}

// Plain is the request as the evaluators take it.
func (r Request) Plain() (rego.Request, error) {
	out := rego.Request{
		Method: r.Method, Path: r.Path, Host: r.Host, Scheme: r.Scheme, Protocol: r.Protocol, ID: r.ID,
		Source: rego.Endpoint(r.Source), Target: rego.Endpoint(r.Target), Body: []byte(r.Body),
	}
	if out.Scheme == "" && r.Source.Principal != "" {
		out.Scheme = "https" // who shows a certificate comes over TLS
	}
	var err error
	if out.Headers, err = Headers(r.Headers); err != nil {
		return out, err
	}
	for _, raw := range r.RawHeaders {
		value, err := base64.StdEncoding.DecodeString(raw.Base64)
		if err != nil {
			return out, fmt.Errorf("reading header %s: %w", raw.Name, err)
		}
		out.Headers = append(out.Headers, rego.Header{Name: raw.Name, Value: string(value)})
	}
	for _, text := range r.Declared {
		d, ok := rego.ReadDeclared(text)
		if !ok {
			return out, fmt.Errorf("reading the attribute %q: want NAME=TYPE:VALUE", text)
		}
		out.Declared = append(out.Declared, d)
	}
	if r.PathBase64 != "" {
		path, err := base64.StdEncoding.DecodeString(r.PathBase64)
		if err != nil {
			return out, fmt.Errorf("reading the path: %w", err)
		}
		out.Path = string(path)
	}
	if r.BodyBase64 != "" {
		if out.Body, err = base64.StdEncoding.DecodeString(r.BodyBase64); err != nil {
			return out, fmt.Errorf("reading the body: %w", err)
		}
	}
	return out, nil
}

// Headers reads lines "name: value".
func Headers(lines []string) ([]rego.Header, error) {
	var out []rego.Header
	for _, line := range lines {
		// The colon of a pseudo header is no separator.
		name, value, ok := strings.Cut(strings.TrimPrefix(line, ":"), ":")
		if !ok {
			return nil, fmt.Errorf("reading header %q: it has no colon", line)
		}
		if strings.HasPrefix(line, ":") {
			name = ":" + name
		}
		out = append(out, rego.Header{Name: name, Value: strings.TrimSpace(value)})
	}
	return out, nil
}
