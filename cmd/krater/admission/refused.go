package admission

import (
	"slices"
	"sync"
	"time"
)

// Refusal is something that was asked for and not given, with how often.
type Refusal struct {
	What     string    `json:"what"`               // "connection", "certificate", "call", "stream" or "module"
	Identity string    `json:"identity,omitempty"` // of the certificate; empty: there was none that could be trusted
	Workload string    `json:"workload,omitempty"` // of the certificate
	Node     string    `json:"node,omitempty"`     // whom it spoke for
	Address  string    `json:"address,omitempty"`  // where it came from, the last time
	Reason   string    `json:"reason"`
	Count    int       `json:"count"`
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"`
}

// The bounds of what is kept: whoever is refused can ask again, in many words.
const (
	maxRefusals = 64
	maxText     = 300
)

// Refusals are the last ones, equal ones as one. Many goroutines may use it.
type Refusals struct {
	mu   sync.Mutex
	list []Refusal // by Last
}

// Add notes one, and tells whether it is the first of its kind.
func (l *Refusals) Add(r Refusal, now time.Time) bool {
	for _, text := range []*string{&r.Identity, &r.Workload, &r.Node, &r.Address, &r.Reason} {
		if len(*text) > maxText {
			*text = (*text)[:maxText] + "…"
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	r.First, r.Last, r.Count = now, now, 1
	i := slices.IndexFunc(l.list, r.like)
	if i >= 0 {
		r.First, r.Count = l.list[i].First, l.list[i].Count+1
		l.list = slices.Delete(l.list, i, i+1)
	} else if len(l.list) == maxRefusals {
		l.list = slices.Delete(l.list, 0, 1)
	}
	l.list = append(l.list, r)
	return i < 0
}

// like tells whether another says the same, perhaps of another address.
func (r Refusal) like(o Refusal) bool {
	return r.What == o.What && r.Identity == o.Identity && r.Workload == o.Workload && r.Node == o.Node && r.Reason == o.Reason
}

// List gives a copy, the last one first.
func (l *Refusals) List() []Refusal {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := slices.Clone(l.list)
	slices.Reverse(out)
	return out
}
