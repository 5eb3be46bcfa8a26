// Package model is the vocabulary: what a mesh is, as plain values.
// Declared objects become these types, a Snapshot holds them, and every
// later stage reads them. It imports the standard library only, and it
// never reads a clock, a disk or a network.
package model

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Ref names one declared object.
type Ref struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

// String gives "Kind namespace/name", the form every message uses.
func (r Ref) String() string { return r.Kind + " " + r.Key() }

// Key gives "namespace/name".
func (r Ref) Key() string {
	if r.Namespace == "" {
		return r.Name
	}
	return r.Namespace + "/" + r.Name
}

// Less orders refs by kind, namespace and name.
func (r Ref) Less(o Ref) bool { return r.Compare(o) < 0 }

// Compare is Less for sorting.
func (r Ref) Compare(o Ref) int {
	if c := strings.Compare(r.Kind, o.Kind); c != 0 {
		return c
	}
	if c := strings.Compare(r.Namespace, o.Namespace); c != 0 {
		return c
	}
	return strings.Compare(r.Name, o.Name)
}

// ParseKey splits "namespace/name"; a bare name gets the given namespace.
func ParseKey(key, namespace string) (ns, name string) {
	if ns, name, ok := strings.Cut(key, "/"); ok {
		return ns, name
	}
	return namespace, key
}

// Origin is where an object was declared.
type Origin struct {
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"` // first line is 1; 0 is unknown
}

// String gives "file:line", or "" where nothing is known.
func (o Origin) String() string {
	switch {
	case o.File == "":
		return ""
	case o.Line == 0:
		return o.File
	}
	return fmt.Sprintf("%s:%d", o.File, o.Line)
}

// Duration is a time.Duration written as Go writes it ("1.5s").
type Duration time.Duration

// Std is the standard library's form.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String is the form that MarshalText writes.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("reading a duration: %w", err)
	}
	*d = Duration(v)
	return nil
}

// Hash is the content's identity: the first 16 hex digits of the SHA-256 of
// its JSON. Struct fields keep their order and map keys are sorted, so equal
// values have equal hashes.
func Hash(v any) string {
	b, err := json.Marshal(v)
	if err != nil { // only a channel, a function or a cycle: a bug in model
		panic(fmt.Sprintf("model: hashing %T: %v", v, err))
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}
