package subscribe

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/krater-mesh/krater/disk"
)

// diskFormat is the format of the files, and its version.
const diskFormat = "krater.dev/last-good/v1"

// envelope is one file: the last good state of one type.
type envelope struct {
	Format string          `json:"format"`
	SHA256 string          `json:"sha256"` // of State's bytes
	State  json.RawMessage `json:"state"`
}

// savedState is what the envelope holds.
type savedState struct {
	Node      string                   `json:"node"`
	Type      string                   `json:"type"`
	Resources map[string]savedResource `json:"resources"`
}

type savedResource struct {
	Version string          `json:"version"`
	Value   json.RawMessage `json:"value"`
}

// diskFile is where a type's state is kept.
func diskFile(dir, typeURL string) string { return filepath.Join(dir, short(typeURL)+".json") }

// save writes a state, wholly or not at all.
func save(dir, node string, s *state) error {
	content := savedState{Node: node, Type: s.typeURL, Resources: map[string]savedResource{}}
	for name, text := range s.resources {
		content.Resources[name] = savedResource{Version: s.versions[name], Value: text}
	}
	inner, err := marshal(content)
	if err != nil {
		return fmt.Errorf("encoding the last good %s: %w", short(s.typeURL), err)
	}
	sum := sha256.Sum256(inner)
	outer, err := marshal(envelope{Format: diskFormat, SHA256: hex.EncodeToString(sum[:]), State: inner})
	if err != nil {
		return fmt.Errorf("encoding the last good %s: %w", short(s.typeURL), err)
	}
	if err := disk.Write(diskFile(dir, s.typeURL), outer); err != nil {
		return fmt.Errorf("writing the last good %s: %w", short(s.typeURL), err)
	}
	return nil
}

// marshal writes JSON with its characters as they are.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

// load reads a state; nil, without an error, if there is none.
func load(dir, typeURL, node string) (*state, error) {
	path := diskFile(dir, typeURL)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the last good %s: %w", short(typeURL), err)
	}
	var outer envelope
	if err := json.Unmarshal(text, &outer); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	sum := sha256.Sum256(outer.State)
	if outer.Format != diskFormat || outer.SHA256 != hex.EncodeToString(sum[:]) {
		return nil, fmt.Errorf("reading %s: its format or checksum is wrong", path)
	}
	var inner savedState
	if err := json.Unmarshal(outer.State, &inner); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	if inner.Type != typeURL || inner.Node != node {
		return nil, fmt.Errorf("reading %s: it is %s's %s", path, inner.Node, inner.Type)
	}
	s := newState(typeURL)
	for name, r := range inner.Resources {
		s.resources[name], s.versions[name] = r.Value, r.Version
	}
	return s, nil
}
