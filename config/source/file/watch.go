package file

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// A change is told at once. What follows it is told together: when nothing
// came for quiet, and at the latest after patience.
const (
	quiet    = 10 * time.Millisecond
	patience = 100 * time.Millisecond
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
	for _, p := range s.paths {
		if err := n.Add(filepath.Dir(filepath.Clean(p))); err != nil { // the path itself may be replaced
			return fmt.Errorf("watching configuration: %w", err)
		}
	}
	w := &watcher{source: s, notify: n, onChange: onChange}
	w.tell(true) // what changed since the last Read
	return w.run(ctx)
}

// watcher is one Watch.
type watcher struct {
	source   *Source
	notify   *fsnotify.Watcher
	onChange func()

	events []string  // paths that something happened to since the last tell
	first  time.Time // when the first of them came
	told   time.Time
	again  []string  // paths that were told at once: more may have happened to them
	all    bool      // anything may have happened
	check  time.Time // when all of these are looked at; zero: there are none
	poll   time.Duration
}

func (w *watcher) run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case e, ok := <-w.notify.Events:
			if !ok {
				return nil
			}
			if w.source.concerns(e) {
				w.happened(filepath.Clean(e.Name), time.Now())
			}
		case _, ok := <-w.notify.Errors: // an overflow: anything may have changed
			if !ok {
				return nil
			}
			w.all, w.check = true, time.Now()
		case <-timer.C:
			w.settled(time.Now())
		}
		timer.Reset(w.wait(time.Now()))
	}
}

// happened tells what comes after a quiet time at once, and lets the rest
// wait for more. Rego and Wasm files wait always: nobody but their readers
// knows whether they are whole.
func (w *watcher) happened(path string, now time.Time) {
	w.events = append(w.events, path)
	if w.first.IsZero() {
		w.first = now
	}
	if w.check.IsZero() && now.Sub(w.told) > quiet && !isReferenced(path) {
		w.tell(false)
		w.again, now = append(w.again, path), time.Now()
	}
	w.check = now.Add(quiet)
	if latest := w.first.Add(patience); !w.first.IsZero() && latest.Before(w.check) {
		w.check = latest
	}
}

// settled tells what waited. It looks once more at what was told at once: the
// event may have been about the beginning only of what there is to see.
func (w *watcher) settled(now time.Time) {
	switch due := !w.check.IsZero() && !now.Before(w.check); {
	case due && slices.ContainsFunc(w.events, func(p string) bool { return isReferenced(p) && stillWriting(p) }):
		w.check = now.Add(quiet)
	case due:
		w.events, w.check = append(w.events, w.again...), time.Time{}
		w.tell(w.all)
		w.again, w.all = nil, false
	default:
		if done := w.source.written(); len(done) > 0 {
			w.events = append(w.events, done...)
			w.tell(false)
		}
	}
}

// wait is the time until something is to be done without an event.
func (w *watcher) wait(now time.Time) time.Duration {
	wait := time.Hour
	if !w.check.IsZero() {
		wait = max(w.check.Sub(now), 0)
	}
	if !w.source.waits() {
		w.poll = 0
	} else {
		w.poll = min(max(2*w.poll, time.Millisecond), 50*time.Millisecond)
		wait = min(wait, w.poll)
	}
	return wait
}

// tell calls onChange if something is new.
func (w *watcher) tell(everything bool) {
	if w.source.refresh(w.events, everything, w.notify) {
		w.onChange()
	}
	w.source.stale()
	w.events, w.first, w.told = nil, time.Time{}, time.Now()
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
