package modules

import (
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Sweep removes the modules that were not used for a while and are not to be
// kept, and what was not finished. It is for an agent that has the folder to
// itself.
func (s *Store) Sweep(keep map[string]bool, before time.Time) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		digest := strings.TrimSuffix(e.Name(), ".wasm")
		info, err := e.Info()
		if err != nil || keep[digest] || !info.ModTime().Before(before) {
			continue
		}
		if fileName.MatchString(e.Name()) || strings.HasSuffix(e.Name(), ".part") {
			_ = os.Remove(filepath.Join(s.dir, e.Name()))
		}
	}
}
