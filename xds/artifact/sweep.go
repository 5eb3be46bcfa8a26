package artifact

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Sweep removes the modules that nobody names: keep tells of a digest whether
// somebody does. What is younger than age stays: its filter is on its way.
func (s *Store) Sweep(keep func(digest string) bool, age time.Duration) {
	s.mu.Lock()
	wanted, digests := map[string]bool{}, map[string]bool{s.builtin.Digest: true}
	for key, src := range s.sources {
		wanted[key], digests[src.module.Digest] = true, true
	}
	s.mu.Unlock()
	old := time.Now().Add(-age)
	for _, path := range s.list("*.wasm", old) {
		digest := digestPrefix + strings.TrimSuffix(filepath.Base(path), ".wasm")
		if isDigest(digest) && !digests[digest] && !keep(digest) {
			_ = os.Remove(path) // the next sweep tries again
		}
	}
	for _, path := range s.list("module-*.part", old) {
		_ = os.Remove(path)
	}
	for _, path := range s.list("sources/*.json", old) {
		var n note
		b, err := os.ReadFile(path)
		named := err == nil && json.Unmarshal(b, &n) == nil && s.has(n.Module.Digest)
		if !named && !wanted[strings.TrimSuffix(filepath.Base(path), ".json")] {
			_ = os.Remove(path)
		}
	}
	for _, path := range s.list("verified/*.json", old) {
		if sum, _, _ := strings.Cut(filepath.Base(path), "-"); !s.has(digestPrefix + sum) {
			_ = os.Remove(path)
		}
	}
}

func (s *Store) has(digest string) bool {
	_, err := os.Stat(s.Path(digest))
	return isDigest(digest) && err == nil
}

// list gives the files of a pattern that were not written since a time.
func (s *Store) list(pattern string, before time.Time) []string {
	paths, err := filepath.Glob(filepath.Join(s.o.Dir, pattern))
	if err != nil {
		return nil
	}
	var out []string
	for _, p := range paths {
		if info, err := os.Stat(p); err == nil && info.ModTime().Before(before) {
			out = append(out, p)
		}
	}
	return out
}
