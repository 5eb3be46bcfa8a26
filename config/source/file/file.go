// Package file turns YAML and JSON files into a Listing of Objects, and
// watches them. A file that cannot be read is a Problem and marks itself
// incomplete; it never hides what other files declare. What did not change
// is neither read nor parsed again.
package file

import (
	"fmt"
	"path/filepath"
	"sort"
	"strings"
	"sync"

	"github.com/krater-mesh/krater/config/source"
	"github.com/krater-mesh/krater/model"
)

// Source reads files and folders.
type Source struct {
	paths []string

	mu      sync.Mutex
	files   map[string]*loaded // by path, as they were last read
	order   []string           // of the files
	writing []string           // files that are not read yet, for they are being written
	folders []string
	closed  map[string]error  // folders that cannot be read
	failed  bool              // a given path is not there
	named   map[string][]byte // files that objects name, as they were last whole
	last    source.Listing    // what Read gave, or Watch told
	fresh   bool              // Watch made last just now, for a Read to come
}

// New makes a source of the given files and folders. Objects' origins are
// relative to the working directory if the paths are.
func New(paths ...string) *Source { return &Source{paths: paths} }

// Read lists every object now. It fails only where a given path does not
// exist; everything else is a Problem of the listing.
func (s *Source) Read() (source.Listing, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fresh {
		s.fresh = false
		return s.last, nil
	}
	if err := s.scan(); err != nil {
		return source.Listing{Incomplete: map[string]bool{}}, fmt.Errorf("reading configuration: %w", err)
	}
	s.last = s.listing()
	return s.last, nil
}

// scan finds all files, and loads those that changed.
func (s *Source) scan() error {
	w := newWalk()
	var failed error
	for _, p := range s.paths {
		if err := w.root(p); err != nil && failed == nil {
			failed = err
		}
	}
	sort.Slice(w.files, func(i, j int) bool { return w.files[i].path < w.files[j].path })
	files := make(map[string]*loaded, len(w.files))
	s.order = s.order[:0]
	for _, f := range w.files {
		if l := load(f.path, f.info, s.files[f.path]); l != nil {
			files[f.path] = l
			s.order = append(s.order, f.path)
		}
	}
	s.files, s.folders, s.closed = files, w.folders, w.unreadable
	return failed
}

// listing puts together what the files hold.
func (s *Source) listing() source.Listing {
	l := source.Listing{Incomplete: map[string]bool{}}
	for folder, err := range s.closed {
		l.Incomplete[folder] = true
		l.Problems = append(l.Problems, fileProblem(folder, "reading the folder: %v", err))
	}
	s.writing = nil
	for _, path := range s.order {
		f := s.files[path]
		if f.writing {
			s.writing = append(s.writing, path)
		}
		if !f.Complete {
			l.Incomplete[path] = true
		}
		l.Objects = append(l.Objects, f.Objects...)
		l.Problems = append(l.Problems, f.Problems...)
	}
	return l
}

func fileProblem(path, format string, args ...any) model.Problem {
	return model.Problem{Code: model.CodeSyntax, Severity: model.Error, Message: fmt.Sprintf(format, args...),
		Origin: model.Origin{File: path}, Fix: "until it can be read, what it declared before stays in force"}
}

// isConfig tells whether a file of a folder is read.
func isConfig(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".yaml", ".yml", ".json":
		return !strings.HasPrefix(filepath.Base(name), ".")
	}
	return false
}
