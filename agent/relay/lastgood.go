package relay

import (
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// lastGood is what Envoy took last. It never changes: a new one takes its place.
type lastGood struct {
	types  map[string]resources
	broken map[string]bool // types whose file could not be read
}

func (g *lastGood) clone() *lastGood {
	return &lastGood{types: maps.Clone(g.types), broken: maps.Clone(g.broken)}
}

// differs are the types that another one has otherwise, in the order in which
// they are written down.
func (g *lastGood) differs(other *lastGood) []string {
	var out []string
	for typeURL, all := range g.types {
		before, had := other.types[typeURL]
		if !had || !maps.EqualFunc(all, before, sameVersion) {
			out = append(out, typeURL)
		}
	}
	slices.SortFunc(out, func(a, b string) int { return place(a) - place(b) })
	return out
}

func place(typeURL string) int {
	if i := slices.Index(order, typeURL); i >= 0 {
		return i
	}
	return len(order)
}

// load reads a folder. What cannot be read is left, to be replaced.
func load(dir, node string, log *slog.Logger) *lastGood {
	g := &lastGood{types: map[string]resources{}, broken: map[string]bool{}}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Error("the last good configuration cannot be read", "folder", dir, "reason", err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), suffix) {
			continue
		}
		path := filepath.Join(dir, e.Name())
		typeURL, all, err := read(path, node)
		if err != nil {
			log.Error("a file of the last good configuration is not used; what it held is asked for anew", "file", path, "reason", err)
			if known := typeOf(e.Name()); known != "" {
				g.broken[known] = true
			}
			continue
		}
		g.types[typeURL] = all
	}
	return g
}

// typeOf is the type that a file is of, by its name.
func typeOf(file string) string {
	for _, typeURL := range order {
		if fileName(typeURL) == file {
			return typeURL
		}
	}
	return ""
}
