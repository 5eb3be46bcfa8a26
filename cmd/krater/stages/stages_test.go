package stages

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// The list of roots is the guest's own: this reads it where it is written.
func TestBuiltinRootsAreTheGuests(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "filters", "builtin", "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	var roots []string
	for _, m := range regexp.MustCompile(`ID: "([a-z]+)"`).FindAllStringSubmatch(string(text), -1) {
		roots = append(roots, m[1])
	}
	slices.Sort(roots)
	builtinRoots := slices.Sorted(maps.Keys(builtinFilters))
	if !slices.Equal(roots, builtinRoots) {
		t.Errorf("the guest has %v, the control plane knows %v", roots, builtinRoots)
	}
}
