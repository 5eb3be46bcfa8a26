package file

import (
	"os"
	"path/filepath"
	"strings"
)

// walk finds the files under folders. It follows symbolic links, each folder
// and file once.
type walk struct {
	files      []found
	folders    []string
	unreadable map[string]error
	seen       map[string]bool // by real path
}

type found struct {
	path string
	info os.FileInfo
}

func newWalk() *walk { return &walk{unreadable: map[string]error{}, seen: map[string]bool{}} }

func (w *walk) root(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	path = filepath.Clean(path)
	if real := realPath(path); info.IsDir() {
		w.folder(path, real)
	} else {
		w.file(path, real, info)
	}
	return nil
}

func (w *walk) file(path, real string, info os.FileInfo) {
	if w.first(real) {
		w.files = append(w.files, found{path, info})
	}
}

func (w *walk) folder(dir, real string) {
	if !w.first(real) {
		return
	}
	w.folders = append(w.folders, dir)
	entries, err := os.ReadDir(dir)
	if err != nil {
		w.unreadable[dir] = err
		return
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && (e.Type()&os.ModeSymlink != 0 || e.IsDir() || isConfig(e.Name())) {
			w.entry(filepath.Join(dir, e.Name()), filepath.Join(real, e.Name()), e)
		}
	}
}

// entry takes one of a folder's. Only a link's real path has to be looked up.
func (w *walk) entry(path, real string, e os.DirEntry) {
	info, err := e.Info()
	if err == nil && e.Type()&os.ModeSymlink != 0 {
		if info, err = os.Stat(path); err == nil {
			real = realPath(path)
		}
	}
	switch {
	case err != nil: // a dangling link, or gone
	case info.IsDir():
		w.folder(path, real)
	case isConfig(path):
		w.file(path, real, info)
	}
}

// realPath is a path without links, as far as that can be told.
func realPath(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		return real
	}
	return abs
}

// first tells whether a real path was not seen before.
func (w *walk) first(real string) bool {
	if w.seen[real] {
		return false
	}
	w.seen[real] = true
	return true
}
