package file

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fsnotify/fsnotify"

	"github.com/krater-mesh/krater/config/source"
	"github.com/krater-mesh/krater/crds"
)

// refresh reads what happened to some paths, or everything, and tells whether
// a Read would give anything new.
func (s *Source) refresh(events []string, everything bool, n *fsnotify.Watcher) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.files == nil
	failed := s.failed
	if everything || !s.reload(events) {
		s.failed = s.scan() != nil
		// What is written into a new folder from here on is an event.
		for again := 0; s.watchFolders(n) && again < 3; again++ {
			s.failed = s.scan() != nil
		}
	}
	before := s.last
	s.last = s.listing()
	s.fresh = !s.failed
	return !first && (s.failed != failed || !same(before, s.last) || slices.ContainsFunc(events, isReferenced))
}

// reload reads the given files. It tells whether that is all there is to do:
// no file is new, or gone.
func (s *Source) reload(events []string) bool {
	for _, path := range events {
		if isReferenced(path) {
			continue
		}
		info, err := os.Stat(path)
		if s.files[path] == nil || err != nil || info.IsDir() {
			return false
		}
		before := s.files[path]
		l := load(path, info, before)
		if l == nil {
			return false
		}
		s.files[path] = l // else it would be parsed again
		if l.File != before.File && namesFiles(l.Objects) {
			return false
		}
	}
	return true
}

// stale makes the next Read look at the files.
func (s *Source) stale() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fresh = false
}

// written gives the files that were being written when they were last looked
// at, and are no more.
func (s *Source) written() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var done []string
	for _, path := range s.writing {
		if !stillWriting(path) {
			done = append(done, path)
		}
	}
	return done
}

// waits tells whether some files are to be read when they are written.
func (s *Source) waits() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.writing) > 0
}

func same(a, b source.Listing) bool {
	return slices.Equal(a.Objects, b.Objects) && maps.Equal(a.Incomplete, b.Incomplete) && slices.Equal(a.Problems, b.Problems)
}

// watchFolders watches every folder that holds something of ours, and tells
// whether one is new. Adding one twice does nothing.
func (s *Source) watchFolders(n *fsnotify.Watcher) bool {
	folders := slices.Clone(s.folders)
	for _, p := range s.paths {
		folders = append(folders, filepath.Dir(filepath.Clean(p)))
	}
	for path, f := range s.files {
		folders = append(folders, filepath.Dir(path))
		for _, o := range f.Objects {
			if mayName(o) {
				folders = append(folders, namedFolders(o.Root, o.Dir())...)
			}
		}
	}
	slices.Sort(folders)
	watched := map[string]bool{}
	for _, f := range n.WatchList() {
		watched[f] = true
	}
	added := false
	for _, f := range slices.Compact(folders) {
		if n.Add(f) == nil { // it may be gone again
			added = added || !watched[f]
		}
	}
	return added
}

// mayName tells whether objects of the kind name Rego or Wasm files.
func mayName(o *crds.Object) bool {
	switch o.Ref.Kind {
	case "RegoPolicy", "Filter", "WasmPlugin", "TrafficExtension":
		return true
	}
	return false
}

func namesFiles(objects []*crds.Object) bool { return slices.ContainsFunc(objects, mayName) }

// namedFolders are those of the Rego and Wasm files that a document names.
func namedFolders(n *crds.Node, dir string) []string {
	var out []string
	for _, f := range n.Fields {
		out = append(out, namedFolders(f.Value, dir)...)
	}
	for _, i := range n.Items {
		out = append(out, namedFolders(i, dir)...)
	}
	path := strings.TrimPrefix(n.Text(), "file://")
	if isReferenced(path) && !strings.Contains(path, "\n") {
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		out = append(out, filepath.Dir(path))
	}
	return out
}

// isReferenced tells whether a file is one that objects name: Rego, Wasm, a
// bundle, or descriptors.
func isReferenced(path string) bool {
	for _, suffix := range []string{".rego", ".wasm", ".tar.gz", ".tgz", ".pb"} {
		if strings.HasSuffix(path, suffix) {
			return true
		}
	}
	return false
}
