package artifact

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/krater-mesh/krater/model"
)

// Resolve gives the module that a filter is to run. With an error and a module
// the module is the last that was good, and the error why there is none newer:
// ErrPending, or a failure; of those, Signature's are about who signed it.
func (s *Store) Resolve(ctx context.Context, r Request) (model.Module, error) {
	w, err := check(r)
	if err != nil {
		return model.Module{}, err
	}
	if w.url.Scheme == "builtin" {
		return s.resolveBuiltin(w.text)
	}
	src, err := s.sourceOf(w)
	if err != nil {
		return model.Module{}, err
	}
	if w.url.Scheme == "file" {
		return s.resolveFile(ctx, src, w)
	}
	return s.resolveRemote(ctx, src, w)
}

// sourceOf finds a request's source, or makes one with what is known of it from
// before a restart.
func (s *Store) sourceOf(w *wanted) (*source, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errors.New("the control plane is ending")
	}
	key := w.key()
	src := s.sources[key]
	if src == nil {
		src = &source{key: key, since: time.Now(), askers: map[model.Ref]int{}}
		if w.url.Scheme != "file" {
			src.module, src.looked = s.remembered(key)
		}
		s.sources[key] = src
	}
	src.wanted, src.used, src.askers[w.Filter.Object] = w, s.round, s.round
	return src, nil
}

// resolveRemote asks nobody who was asked already: tries go on by themselves.
func (s *Store) resolveRemote(ctx context.Context, src *source, w *wanted) (model.Module, error) {
	s.mu.Lock()
	always := w.Filter.Module.Pull.Always
	switch {
	case src.busy != nil || src.timer != nil:
	case src.module.Digest == "" && src.failed == nil:
		s.start(src)
		s.later(src, s.o.Times.Pending-time.Since(src.since), s.changed) // it counts as missing then
	case always && s.o.Changed != nil:
		s.again(src, s.o.Times.pull(w)-time.Since(src.looked))
	}
	busy := src.busy
	s.mu.Unlock()
	if busy != nil && s.o.Changed == nil {
		if err := wait(ctx, busy, 0); err != nil {
			return model.Module{}, err
		}
	}
	return s.say(src, w)
}

// resolveFile looks at the file each time: somebody may have built it anew.
func (s *Store) resolveFile(ctx context.Context, src *source, w *wanted) (model.Module, error) {
	sum, err := fileSum(w)
	s.mu.Lock()
	if err != nil {
		src.failed, src.sum = err, ""
		s.mu.Unlock()
		return s.say(src, w)
	}
	if sum != src.sum {
		src.sum, src.failed, src.since = sum, nil, time.Now()
		if src.busy == nil {
			s.start(src)
		}
	}
	busy, patience := src.busy, s.o.Times.File
	s.mu.Unlock()
	if busy != nil {
		if s.o.Changed == nil {
			patience = 0
		}
		if err := wait(ctx, busy, patience); err != nil {
			return model.Module{}, err
		}
	}
	return s.say(src, w)
}

// wait ends when something is done, or after a time, if one is given.
func wait(ctx context.Context, done <-chan struct{}, patience time.Duration) error {
	var late <-chan time.Time
	if patience > 0 {
		t := time.NewTimer(patience)
		defer t.Stop()
		late = t.C
	}
	select {
	case <-done:
	case <-late:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// say is what is known of a source now.
func (s *Store) say(src *source, w *wanted) (model.Module, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var m model.Module
	if src.module.Digest != "" {
		m = w.answer(src.module)
	}
	switch {
	case src.failed != nil:
		return m, src.failed
	case m.Digest != "" && (w.url.Scheme != "file" || src.busy == nil):
		return m, nil
	case m.Digest == "" && time.Since(src.since) >= s.o.Times.Pending:
		return m, fmt.Errorf("it did not come within %s; it is still waited for", s.o.Times.Pending)
	}
	return m, ErrPending
}
