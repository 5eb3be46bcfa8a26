// Package filtercase reads the cases that people write for a filter: a
// request, and what must come of it. The same cases run in a Wasm host alone
// and in a real Envoy.
package filtercase

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"sigs.k8s.io/yaml"

	"github.com/krater-mesh/krater/filters/sandbox"
)

// File is a file of cases.
type File struct {
	// Config is the filter's configuration in all cases.
	Config json.RawMessage `json:"config,omitempty"`
	RootID string          `json:"rootId,omitempty"`
	// Services answer the filter's own calls, by the name of their cluster.
	Services map[string][]Service `json:"services,omitempty"`
	Requests []Case               `json:"requests"`
}

// Service is one answer of a service; of several the first whose conditions
// are met.
type Service struct {
	Path           string            `json:"path,omitempty"` // with its query; "": any
	When           map[string]string `json:"when,omitempty"` // the call has these headers
	sandbox.Answer                   // its fields are here
}

// Case is one request, its upstream's answer and what is wanted.
type Case struct {
	Name     string            `json:"name"`
	Method   string            `json:"method,omitempty"` // "": GET
	Path     string            `json:"path,omitempty"`   // "": /
	Host     string            `json:"host,omitempty"`
	Headers  map[string]string `json:"headers,omitempty"`
	Body     string            `json:"body,omitempty"`
	Upstream *sandbox.Answer   `json:"upstream,omitempty"` // absent: it echoes the request as JSON
	Want     Want              `json:"want"`
}

// Want is what must come of a request; what is not given may be anything.
type Want struct {
	Status int `json:"status,omitempty"`
	// Headers of the answer; null: absent.
	Headers  map[string]*string `json:"headers,omitempty"`
	Body     *string            `json:"body,omitempty"`
	Upstream *WantUpstream      `json:"upstream,omitempty"`
}

// WantUpstream is what the upstream must have got.
type WantUpstream struct {
	Never   bool               `json:"never,omitempty"` // nothing at all
	Method  string             `json:"method,omitempty"`
	Path    string             `json:"path,omitempty"`
	Headers map[string]*string `json:"headers,omitempty"` // null: absent
	Body    *string            `json:"body,omitempty"`
}

// Read reads a file of cases. Errors name the file and the case.
func Read(file string) (*File, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the requests: %w", err)
	}
	f := &File{}
	if err := yaml.UnmarshalStrict(text, f); err != nil {
		return nil, fmt.Errorf("reading %s: %w", filepath.Base(file), err)
	}
	names := map[string]bool{}
	for i, c := range f.Requests {
		switch {
		case c.Name == "":
			return nil, fmt.Errorf("reading %s: requests[%d].name: give it a name, for messages", filepath.Base(file), i)
		case names[c.Name]:
			return nil, fmt.Errorf("reading %s: requests[%d].name: %q is there twice", filepath.Base(file), i, c.Name)
		}
		names[c.Name] = true
	}
	return f, nil
}

// ConfigText is the configuration as the filter gets it.
func (f *File) ConfigText() string {
	if len(f.Config) == 0 || string(f.Config) == "null" {
		return ""
	}
	return string(f.Config)
}

// Got is what came of a request.
type Got struct {
	Status   int                 `json:"status"`
	Headers  map[string][]string `json:"headers"` // names in lower case
	Body     string              `json:"body"`
	Upstream *sandbox.Seen       `json:"upstream,omitempty"` // nil: it got nothing
	Log      []string            `json:"log,omitempty"`      // the filter's
}

// Verb is the request's method.
func (c Case) Verb() string { return cmp.Or(c.Method, "GET") }

// Target is the request's path.
func (c Case) Target() string { return cmp.Or(c.Path, "/") }
