// Package file turns YAML and JSON files into a Listing of Objects, and
// watches them. A file that cannot be read is a Problem and marks itself
// incomplete; it never hides what other files declare.
package file

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/krater-mesh/krater/config/source"
	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// maxSize bounds one file, in bytes.
const maxSize = 10 << 20

// Source reads files and folders.
type Source struct{ paths []string }

// New makes a source of the given files and folders. Objects' origins are
// relative to the working directory if the paths are.
func New(paths ...string) *Source { return &Source{paths: paths} }

// Read lists every object now. It fails only where a given path does not
// exist; everything else is a Problem of the listing.
func (s *Source) Read() (source.Listing, error) {
	l := source.Listing{Incomplete: map[string]bool{}}
	w := &walk{seen: map[string]bool{}}
	for _, p := range s.paths {
		if err := w.root(p); err != nil {
			return l, fmt.Errorf("reading configuration: %w", err)
		}
	}
	for folder, err := range w.unreadable {
		l.Incomplete[folder] = true
		l.Problems = append(l.Problems, fileProblem(folder, "reading the folder: %v", err))
	}
	sort.Strings(w.files)
	for _, f := range w.files {
		readFile(f, &l)
	}
	return l, nil
}

func readFile(path string, l *source.Listing) {
	data, err := readBounded(path)
	if errors.Is(err, os.ErrNotExist) { // removed since the folder was read
		return
	}
	if err != nil {
		l.Incomplete[path] = true
		l.Problems = append(l.Problems, fileProblem(path, "%v", err))
		return
	}
	objects, complete, problems := crds.Parse(path, data)
	if !complete {
		l.Incomplete[path] = true
	}
	l.Objects = append(l.Objects, objects...)
	l.Problems = append(l.Problems, problems...)
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("it is no regular file")
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if len(data) > maxSize {
		return nil, fmt.Errorf("it is larger than %d MB", maxSize>>20)
	}
	return data, err
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
