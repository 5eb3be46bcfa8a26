package file

import (
	"os"
	"path/filepath"
	"strings"
)

// walk finds the files under folders. It follows symbolic links, each folder
// and file once.
type walk struct {
	files      []string
	folders    []string
	unreadable map[string]error
	seen       map[string]bool // by real path
}

func (w *walk) root(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.IsDir() {
		w.folder(filepath.Clean(path))
	} else if w.first(path) {
		w.files = append(w.files, filepath.Clean(path))
	}
	return nil
}

func (w *walk) folder(dir string) {
	if !w.first(dir) {
		return
	}
	w.folders = append(w.folders, dir)
	entries, err := os.ReadDir(dir)
	if err != nil {
		if w.unreadable == nil {
			w.unreadable = map[string]error{}
		}
		w.unreadable[dir] = err
		return
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		info, err := os.Stat(path) // through links
		switch {
		case err != nil: // a dangling link, or gone
		case info.IsDir():
			w.folder(path)
		case isConfig(path) && w.first(path):
			w.files = append(w.files, path)
		}
	}
}

// first tells whether a path was not seen before, under any name.
func (w *walk) first(path string) bool {
	abs, err := filepath.Abs(path)
	if err != nil {
		return false
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		abs = real
	}
	if w.seen[abs] {
		return false
	}
	w.seen[abs] = true
	return true
}
