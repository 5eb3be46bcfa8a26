// Package policytest turns files of cases, and OPA's own test files, into
// results: what each policy answers beside what is wanted of it, and which
// of its lines that touched. It never reads a running mesh.
package policytest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/rego"
)

// Suite is one file of cases for one policy.
type Suite struct {
	File   string `json:"-"`
	Policy Policy `json:"policy"`
	// Tests are files of OPA's tests, which run beside the policy's modules.
	Tests []string `json:"tests,omitempty"`
	Cases []Case   `json:"cases,omitempty"`
}

// Policy names an object of the mesh, or is a RegoPolicy's spec itself. Paths
// begin at the suite's folder.
type Policy struct {
	Object string   `json:"object,omitempty"` // NAMESPACE/NAME
	Files  []string `json:"files,omitempty"`  // where the object is declared; none: in the mesh that the command names

	Query   string            `json:"query,omitempty"`
	Modules []Module          `json:"modules,omitempty"`
	Data    json.RawMessage   `json:"data,omitempty"`
	Failure model.FailureMode `json:"failure,omitempty"` // Closed where not given
	MaxBody uint32            `json:"maxBody,omitempty"`
}

// Module is a file of Rego, or its text.
type Module struct {
	Name   string `json:"name,omitempty"`
	Source string `json:"source,omitempty"`
	File   string `json:"file,omitempty"`
}

// Case is one request with the answer that is wanted.
type Case struct {
	Name    string  `json:"name"`
	Request Request `json:"request"`
	Want    Want    `json:"want"`
}

// Request is what is sent. A header line is "name: value"; a name may come
// twice.
type Request struct {
	Method     string         `json:"method,omitempty"` // GET where not given
	Path       string         `json:"path,omitempty"`   // with the query
	Host       string         `json:"host,omitempty"`
	Scheme     string         `json:"scheme,omitempty"`
	Headers    []string       `json:"headers,omitempty"`
	Body       string         `json:"body,omitempty"`
	Source     Endpoint       `json:"source,omitzero"`
	Target     Endpoint       `json:"target,omitzero"`
	Attributes []Attribute    `json:"attributes,omitempty"`
	Claims     map[string]any `json:"claims,omitempty"` // of a verified token
}

// Endpoint is one end of the connection.
type Endpoint struct {
	Address   string `json:"address,omitempty"`
	Port      uint32 `json:"port,omitempty"`
	Principal string `json:"principal,omitempty"` // the URI of its certificate
}

// Attribute is a declared one, as the proxy drew it.
type Attribute struct {
	Name  string `json:"name"`
	Type  string `json:"type,omitempty"` // string where not given
	Value string `json:"value"`
}

// Want is the answer. What is not given is not looked at.
type Want struct {
	Allowed bool              `json:"allowed"`
	Status  int               `json:"status,omitempty"`
	Body    *string           `json:"body,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	Failure rego.FailureKind  `json:"failure,omitempty"` // why there is no verdict
	// Placement is where it is decided: native, or daemon.
	Placement model.Place `json:"placement,omitempty"`
}

// Read reads a file of cases. It says false for YAML that is something else.
func Read(file string) (Suite, bool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return Suite{}, false, fmt.Errorf("reading cases: %w", err)
	}
	if !isSuite(text) {
		return Suite{}, false, nil
	}
	s := Suite{File: file}
	if err := yaml.UnmarshalStrict(text, &s); err != nil {
		return s, true, fmt.Errorf("reading the cases of %s: %w", file, err)
	}
	return s, true, s.check()
}

// isSuite tells a file of cases from objects and other YAML: it has a policy,
// and cases or tests, and no kind.
func isSuite(text []byte) bool {
	if bytes.Contains(text, []byte("\n---")) {
		return false
	}
	var fields map[string]json.RawMessage
	if err := yaml.Unmarshal(text, &fields); err != nil {
		return bytes.Contains(text, []byte("\ncases:")) // shall be refused with a reason
	}
	_, kind := fields["kind"]
	return !kind && fields["policy"] != nil && (fields["cases"] != nil || fields["tests"] != nil)
}

func (s Suite) check() error {
	if (s.Policy.Object == "") == (len(s.Policy.Modules) == 0) {
		return fmt.Errorf("%s: policy has an object, or modules and a query", s.File)
	}
	names := map[string]bool{}
	for i, c := range s.Cases {
		if c.Name == "" || names[c.Name] {
			return fmt.Errorf("%s: cases[%d]: each case has a name of its own", s.File, i)
		}
		names[c.Name] = true
	}
	return nil
}

// path is a file that a suite names.
func (s Suite) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(s.File), name)
}

// inline is the policy that the suite itself declares.
func (s Suite) inline() (model.RegoPolicy, error) {
	p := model.RegoPolicy{
		Object: model.Ref{Kind: "RegoPolicy", Namespace: "default", Name: strings.TrimSuffix(filepath.Base(s.File), filepath.Ext(s.File))},
		Query:  s.Policy.Query, Data: string(s.Policy.Data), Failure: s.Policy.Failure, MaxBody: s.Policy.MaxBody,
		Mode: model.Enforce, Lower: model.LowerAuto, Timeout: patience,
	}
	if p.Failure == "" {
		p.Failure = model.FailClosed
	}
	for i, m := range s.Policy.Modules {
		module := model.RegoModule{Name: m.Name, Source: m.Source}
		if m.File != "" {
			text, err := os.ReadFile(s.path(m.File))
			if err != nil {
				return p, fmt.Errorf("reading a module: %w", err)
			}
			module.Source = string(text)
			if module.Name == "" {
				module.Name = filepath.Base(m.File)
			}
		}
		if module.Name == "" {
			module.Name = fmt.Sprintf("modules[%d].rego", i)
		}
		p.Modules = append(p.Modules, module)
	}
	return p, nil
}

// patience is how long a policy of a suite may take: a test's machine is slow.
const patience = model.Duration(10e9)

// Plain is the request as the evaluators take it.
func (r Request) Plain() (rego.Request, error) {
	out := rego.Request{
		Method: r.Method, Path: r.Path, Host: r.Host, Scheme: r.Scheme, Body: []byte(r.Body),
		Source: rego.Endpoint(r.Source), Target: rego.Endpoint(r.Target),
	}
	for _, line := range r.Headers {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return out, fmt.Errorf("reading header %q: want NAME: VALUE", line)
		}
		out.Headers = append(out.Headers, rego.Header{Name: name, Value: strings.TrimSpace(value)})
	}
	for _, a := range r.Attributes {
		out.Declared = append(out.Declared, rego.Declared{Name: a.Name, Type: a.Type, Value: a.Value})
	}
	return out, nil
}
