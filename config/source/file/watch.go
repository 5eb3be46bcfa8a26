package file

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/krater-mesh/krater/crds"
)

// An edit is often several events: a change is told when none came for
// quiet, and at the latest after patience.
const (
	quiet    = 20 * time.Millisecond
	patience = 200 * time.Millisecond
)

// Watch calls onChange after each change, never twice at once, until ctx is
// done. It watches folders, not files, so that editors which rename and
// replace are seen; new folders join, and so do the folders of Rego and Wasm
// files that objects name.
func (s *Source) Watch(ctx context.Context, onChange func()) error {
	n, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watching configuration: %w", err)
	}
	defer n.Close()
	if err := s.watchAll(n); err != nil {
		return fmt.Errorf("watching configuration: %w", err)
	}
	var settle <-chan time.Time
	var deadline time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case e, ok := <-n.Events:
			if !ok {
				return nil
			}
			if !s.concerns(e) {
				continue
			}
			now := time.Now()
			if settle == nil {
				deadline = now.Add(patience)
			}
			settle = time.After(min(quiet, max(deadline.Sub(now), 0)))
		case _, ok := <-n.Errors: // an overflow: anything may have changed
			if !ok {
				return nil
			}
			settle = time.After(quiet)
		case <-settle:
			settle = nil
			// New folders first: what is written into them from here on is an event.
			_ = s.watchAll(n)
			onChange()
		}
	}
}

// watchAll adds every folder that holds something of ours; adding one twice
// does nothing.
func (s *Source) watchAll(n *fsnotify.Watcher) error {
	w := &walk{seen: map[string]bool{}}
	for _, p := range s.paths {
		if err := n.Add(filepath.Dir(filepath.Clean(p))); err != nil { // the path itself may be replaced
			return err
		}
		_ = w.root(p)
	}
	folders := w.folders
	for _, f := range w.files {
		folders = append(folders, filepath.Dir(f))
		if data, err := readBounded(f); err == nil {
			objects, _, _ := crds.Parse(f, data)
			for _, o := range objects {
				folders = append(folders, namedFolders(o.Root, o.Dir())...)
			}
		}
	}
	watched := map[string]bool{}
	for _, f := range folders {
		if !watched[f] {
			watched[f] = true
			_ = n.Add(f) // it may be gone again
		}
	}
	return nil
}

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

func isReferenced(path string) bool {
	return strings.HasSuffix(path, ".rego") || strings.HasSuffix(path, ".wasm")
}

// concerns tells whether an event can change a listing, or what it names.
func (s *Source) concerns(e fsnotify.Event) bool {
	name := filepath.Clean(e.Name)
	if isReferenced(name) {
		return e.Op != fsnotify.Chmod
	}
	if !s.covers(name) {
		return false // a neighbour of a given path
	}
	base := filepath.Base(name)
	switch {
	case base == "..data": // how Kubernetes replaces a mounted ConfigMap
		return e.Has(fsnotify.Create)
	case strings.HasPrefix(base, "."):
		return false
	case isConfig(name):
		return true
	}
	// Perhaps a folder, perhaps a file given by a name of its own.
	return e.Op != fsnotify.Chmod && (e.Op != fsnotify.Write || s.given(name))
}

func (s *Source) covers(name string) bool {
	for _, p := range s.paths {
		p = filepath.Clean(p)
		if p == "." || name == p || strings.HasPrefix(name, strings.TrimSuffix(p, "/")+"/") {
			return true
		}
	}
	return false
}

func (s *Source) given(name string) bool {
	for _, p := range s.paths {
		if filepath.Clean(p) == name {
			return true
		}
	}
	return false
}
