package workbench

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settle is how long no file must change before a save counts as whole.
const settle = 80 * time.Millisecond

// Run takes every save into effect until ctx ends: a changed source is built
// and loaded, changed cases are sent again.
func (b *Bench) Run(ctx context.Context) error {
	w, err := b.watch()
	if err != nil {
		return fmt.Errorf("watching %s: %w", b.Source, err)
	}
	defer w.Close()
	lines := time.NewTicker(200 * time.Millisecond)
	defer lines.Stop()
	saved := map[string]bool{}
	var first time.Time
	var quiet <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-b.sandbox.Ended():
			b.logged()
			return errors.New("the sandbox is gone: Envoy ended; its last lines are above")
		case <-lines.C:
			b.logged()
		case err := <-w.Errors:
			b.Report.Failed(fmt.Errorf("watching %s: %w", b.Source, err))
		case e := <-w.Events:
			if !b.counts(e) {
				continue
			}
			if len(saved) == 0 {
				first = time.Now()
			}
			saved[e.Name] = true
			quiet = time.After(settle)
		case <-quiet:
			quiet = nil
			b.take(ctx, slices.Sorted(maps.Keys(saved)), first)
			clear(saved)
		}
	}
}

// take brings saved files into effect.
func (b *Bench) take(ctx context.Context, saved []string, first time.Time) {
	err := b.Prepare(ctx)
	if err == nil {
		err = b.Load(ctx)
	}
	if err != nil {
		b.Report.Failed(err)
		return
	}
	b.Report.Effective(saved, time.Since(first))
	if err := b.Try(ctx); err != nil && !errors.Is(err, ErrDiffers) && ctx.Err() == nil {
		b.Report.Failed(err)
	}
}

func (b *Bench) logged() {
	for _, line := range b.sandbox.Log() {
		b.Report.Logged(line)
	}
}

// watch watches the folder, those below it, and that of the cases.
func (b *Bench) watch() (*fsnotify.Watcher, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	dirs := []string{filepath.Dir(b.requestsFile())}
	if b.isModule() {
		dirs = append(dirs, filepath.Dir(b.Source))
	} else {
		err = filepath.WalkDir(b.Source, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				if hidden(path) && path != b.Source {
					return fs.SkipDir
				}
				dirs = append(dirs, path)
			}
			return err
		})
	}
	for _, dir := range dirs {
		err = errors.Join(err, w.Add(dir))
	}
	if err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

func hidden(path string) bool {
	name := filepath.Base(path)
	return strings.HasPrefix(name, ".") && name != "." && name != ".."
}

// counts tells whether a change is one of the filter's own files: what a build
// writes is not.
func (b *Bench) counts(e fsnotify.Event) bool {
	if e.Op == fsnotify.Chmod {
		return false
	}
	name := filepath.Base(e.Name)
	switch {
	case sameFile(e.Name, b.requestsFile()):
		return true
	case b.isModule():
		return sameFile(e.Name, b.Source)
	case hidden(e.Name), strings.HasSuffix(name, "_gen.go"), strings.HasSuffix(name, "~"):
		return false
	}
	return strings.HasSuffix(name, ".go") || name == "go.mod"
}

func sameFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y) || filepath.Clean(a) == filepath.Clean(b)
}
