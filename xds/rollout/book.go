// Package rollout decides, step by step, which proxies have which version of
// a filter. In go what is declared, the time and what proxies report; out come
// model.RolloutStates, events and Problems. It reads no clock, network or disk.
package rollout

import (
	"slices"
	"strings"
	"time"

	"github.com/krater-mesh/krater/model"
)

const (
	// LoadWithin is how long a proxy may take to load code before it is said.
	LoadWithin = time.Minute
	// forgetAfter is how long a filter may be undeclared and yet be the one it
	// was: at a start its module may still be on its way.
	forgetAfter = 2 * time.Minute
	maxEvents   = 100
)

// Input is all that a decision is made of, beside what is in the book.
type Input struct {
	Now     time.Time
	Filters []*model.FilterBinding // that are declared
	Proxies []Proxy
}

// Proxy is a proxy as it is now.
type Proxy struct {
	Workload  *model.Workload
	Connected bool
	Report    *model.ProxyReport // the latest, At by the clock of Input.Now; nil: none
	Earlier   *model.ProxyReport // one from some minutes before; nil: none
	// Code tells what a proxy that is connected has of a module.
	Code func(digest string) Code
}

// Code is what a proxy has of a module.
type Code struct {
	Loaded  bool
	Refused string // why it does not take it; "": it did not say so
}

// Book remembers all filters and where they stand. It is what is kept on disk,
// as JSON; the zero Book is empty. It is used by one goroutine.
type Book struct {
	Records map[string]*Record `json:"records"` // by object
	Events  []Event            `json:"events,omitempty"`

	fresh  []Event
	opened time.Time // since when this process looks
}

// Next brings the book to now, and tells whether that changes any proxy's
// version. In a book without records everything that is declared is in force:
// there is nothing yet that a new version could be compared with.
func (b *Book) Next(in Input) (changed bool) {
	first := b.Records == nil
	if first {
		b.Records = map[string]*Record{}
	}
	if b.opened.IsZero() {
		b.opened = in.Now
	}
	before := b.States()
	declared := map[string]bool{}
	for _, f := range in.Filters {
		key := f.Object.String()
		declared[key] = true
		r := b.Records[key]
		if r == nil {
			r = &Record{}
			r.Object = f.Object
			b.Records[key] = r
		}
		t := turn{Record: r, book: b, in: in}
		t.declare(f, first)
		t.advance()
	}
	b.forget(in.Now, declared)
	return !slices.EqualFunc(before, b.States(), sameChoice)
}

// forget drops what is not declared any more.
func (b *Book) forget(now time.Time, declared map[string]bool) {
	for key, r := range b.Records {
		switch {
		case declared[key]:
			r.Gone = time.Time{}
		case r.Gone.IsZero():
			r.Gone = now
		case now.Sub(r.Gone) > forgetAfter:
			delete(b.Records, key)
		}
	}
}

// States are the rollouts that matter to translation, by object: every other
// filter is everywhere as it is declared.
func (b *Book) States() []model.RolloutState {
	var out []model.RolloutState
	for _, r := range b.Records {
		if r.Gone.IsZero() && (r.Phase != model.RolloutPromoted || len(r.Loading) > 0) {
			out = append(out, r.RolloutState)
		}
	}
	slices.SortFunc(out, func(x, y model.RolloutState) int { return strings.Compare(x.Object.String(), y.Object.String()) })
	return out
}

// sameChoice tells whether two states give every proxy the same.
func sameChoice(x, y model.RolloutState) bool {
	return x.Object == y.Object && x.Old == y.Old && x.New == y.New && x.Phase == y.Phase && x.Step == y.Step && x.UpTo == y.UpTo &&
		slices.Equal(x.Loading, y.Loading)
}

// Fresh are the events since it was last called.
func (b *Book) Fresh() []Event {
	out := b.fresh
	b.fresh = nil
	return out
}

// Mend drops what cannot have been written: a book from a disk may be damaged.
func (b *Book) Mend() {
	for key, r := range b.Records {
		switch {
		case r == nil, r.New == nil, r.New.Object != r.Object, r.Object.String() != key, r.Active() && !r.stepIs():
			delete(b.Records, key)
			continue
		}
		slices.Sort(r.Loading)
		for id, w := range r.Windows {
			if w == nil {
				delete(r.Windows, id)
			}
		}
	}
}

// stepIs tells whether the step that it is at is declared.
func (r *Record) stepIs() bool {
	return r.New.Rollout != nil && r.Step >= 0 && r.Step < len(r.New.Rollout.Steps)
}
