// Package module reads and writes what a Wasm module says of itself: its roots
// and the JSON schemas of their configurations, in the custom section
// "krater.filter". What it reads may be anything; it believes no length.
package module

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
)

// Section is the custom section's name.
const Section = "krater.filter"

// maxSection is the most bytes a description has.
const maxSection = 1 << 20

// maxRoots is the most roots a module describes.
const maxRoots = 256

// The types of roots, in the words of a Filter.
const (
	HTTP    = "HTTP"
	Network = "NETWORK"
)

// Description is what a module says of itself.
type Description struct {
	SDK   string `json:"sdk"` // version of this form: "1"
	Roots []Root `json:"roots"`
}

// Root is one of its filters.
type Root struct {
	ID     string          `json:"id"`
	Type   string          `json:"type"`
	Schema json.RawMessage `json:"schema,omitempty"` // of its configuration; none: anything may be
}

// Find gives the root that a binding names; nil: it is not described.
func (d *Description) Find(id string) *Root {
	if d == nil {
		return nil
	}
	for i := range d.Roots {
		if r := &d.Roots[i]; r.ID == id || len(d.Roots) == 1 && r.ID == "" {
			return r
		}
	}
	return nil
}

// Describe gives a module's description; nil where it has none.
func Describe(code []byte) (*Description, error) {
	var found *Description
	err := sections(code, func(s section) error {
		if s.name != Section {
			return nil
		}
		if found != nil {
			return errors.New("it is there twice")
		}
		var err error
		found, err = read(s.content)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the section %s: %w", Section, err)
	}
	return found, nil
}

func read(content []byte) (*Description, error) {
	if len(content) > maxSection {
		return nil, fmt.Errorf("it has more than %d bytes", maxSection)
	}
	d := &Description{}
	if err := json.Unmarshal(content, d); err != nil {
		return nil, err
	}
	if d.SDK != "1" {
		return nil, fmt.Errorf("it is of version %.20q, and this krater reads version 1", d.SDK)
	}
	if len(d.Roots) > maxRoots {
		return nil, fmt.Errorf("it has more than %d roots", maxRoots)
	}
	for _, r := range d.Roots {
		if r.Type != HTTP && r.Type != Network {
			return nil, fmt.Errorf("root %.60q has the type %.20q, want %s or %s", r.ID, r.Type, HTTP, Network)
		}
	}
	return d, nil
}

// WithDescription gives the module with a description, in the place of one
// that it has. The same module and description give the same bytes.
func WithDescription(code []byte, d Description) ([]byte, error) {
	d.SDK = "1"
	content, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("describing a module: %w", err)
	}
	if _, err := read(content); err != nil {
		return nil, fmt.Errorf("describing a module: %w", err)
	}
	out := bytes.Clone(code[:min(len(code), headerSize)])
	err = sections(code, func(s section) error {
		if s.name != Section {
			out = append(out, s.whole...)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("describing a module: %w", err)
	}
	body := append(binary.AppendUvarint(nil, uint64(len(Section))), Section...)
	body = append(body, content...)
	out = append(out, 0)
	out = binary.AppendUvarint(out, uint64(len(body)))
	return append(out, body...), nil
}
