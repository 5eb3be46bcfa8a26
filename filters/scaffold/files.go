package scaffold

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// fileSet holds files by their slash-separated path.
type fileSet map[string][]byte

func (s fileSet) sorted() []string { return slices.Sorted(maps.Keys(s)) }

func write(file string, text []byte) error {
	file = filepath.FromSlash(file)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o644)
}
