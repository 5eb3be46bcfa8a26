package ratings

import (
	"context"
	"maps"
	"sync"
)

// maxReviewers bounds what visitors can make one book hold.
const maxReviewers = 100

// Ledger holds the stars by book and reviewer. It is safe for concurrent use.
type Ledger struct {
	mu    sync.Mutex
	stars map[string]map[string]int
}

// NewLedger gives the ledger with the ratings that every demo starts with.
func NewLedger() *Ledger {
	return &Ledger{stars: map[string]map[string]int{
		"0": {"Agathon": 5, "Xanthippe": 4},
		"1": {"Agathon": 3, "Xanthippe": 5},
		"2": {"Agathon": 4, "Xanthippe": 2},
	}}
}

// Stars gives a copy of one book's stars; false where there is no such book.
func (l *Ledger) Stars(_ context.Context, id string) (map[string]int, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	stars, ok := l.stars[id]
	return maps.Clone(stars), ok, nil
}

// Rate replaces the stars of the given reviewers and gives the book's stars.
// Reviewers past the bound are not taken.
func (l *Ledger) Rate(_ context.Context, id string, change map[string]int) (map[string]int, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	stars, ok := l.stars[id]
	if !ok {
		return nil, false, nil
	}
	for who, n := range change {
		if _, known := stars[who]; known || len(stars) < maxReviewers {
			stars[who] = n
		}
	}
	return maps.Clone(stars), true, nil
}
