// Package generate writes a filter's configuration decoder and JSON schema
// from the Go type Config of its package. It reads the source only: nothing of
// the package is run. What it cannot say in both, it refuses.
package generate

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// The names of the files.
const (
	DecoderFile = "config_gen.go"
	SchemaFile  = "config.schema.json"
)

// Files are what is generated for one package.
type Files struct {
	Dir     string
	Decoder []byte // config_gen.go
	Schema  []byte // config.schema.json
}

// Package generates for the package in a folder.
func Package(dir string) (Files, error) {
	p, err := parse(dir)
	if err != nil {
		return Files{}, fmt.Errorf("reading the Config of %s: %w", dir, err)
	}
	f := Files{Dir: dir, Schema: p.schema()}
	if f.Decoder, err = p.decoder(); err != nil {
		return Files{}, fmt.Errorf("writing the decoder of %s: %w", dir, err)
	}
	return f, nil
}

func (f Files) each(visit func(path string, content []byte) error) error {
	if err := visit(filepath.Join(f.Dir, DecoderFile), f.Decoder); err != nil {
		return err
	}
	return visit(filepath.Join(f.Dir, SchemaFile), f.Schema)
}

// Changed are the paths whose files are missing or other than generated.
func (f Files) Changed() ([]string, error) {
	var out []string
	err := f.each(func(path string, content []byte) error {
		have, err := os.ReadFile(path)
		if err != nil && !os.IsNotExist(err) {
			return err
		}
		if err != nil || !bytes.Equal(have, content) {
			out = append(out, path)
		}
		return nil
	})
	return out, err
}

// Write writes both.
func (f Files) Write() error {
	return f.each(func(path string, content []byte) error { return os.WriteFile(path, content, 0o644) })
}
