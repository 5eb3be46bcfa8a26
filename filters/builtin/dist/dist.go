// Package dist holds the built module of the built-in filters, embedded. It
// never builds it: `make filters` does.
package dist

import (
	"embed"
	"errors"
)

//go:embed *
var folder embed.FS

// ErrNotBuilt is Module's error in a binary that was built without filters.
var ErrNotBuilt = errors.New("built without filters; run `make filters`, then build again")

// Module gives the Wasm code, or ErrNotBuilt.
func Module() ([]byte, error) {
	b, err := folder.ReadFile("builtin.wasm")
	if err != nil {
		return nil, ErrNotBuilt
	}
	return b, nil
}
