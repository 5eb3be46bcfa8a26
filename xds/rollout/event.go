package rollout

import (
	"fmt"
	"slices"
	"time"

	"github.com/krater-mesh/krater/model"
)

// What happened to a version.
const (
	Begun      = "BEGUN"
	Stepped    = "STEP"
	Promoted   = "PROMOTED"
	RolledBack = "ROLLED_BACK"
	Waits      = "WAITS" // longer than it should
)

// Event is something that happened in a rollout.
type Event struct {
	At      time.Time `json:"at"`
	Object  model.Ref `json:"object"`
	What    string    `json:"what"`
	Version string    `json:"version"`           // of the filter, by its code and configuration
	Digest  string    `json:"digest,omitempty"`  // of its module
	Step    int       `json:"step"`              // from 1; 0: none
	Proxies int       `json:"proxies,omitempty"` // that are to have the version
	Reason  string    `json:"reason,omitempty"`
}

// String is one line.
func (e Event) String() string {
	out := fmt.Sprintf("%s %s: version %s", e.Object, e.What, e.Version)
	if e.What == Stepped {
		out += fmt.Sprintf(", step %d, %d proxies", e.Step, e.Proxies)
	}
	if e.Reason != "" {
		out += ": " + e.Reason
	}
	return out
}

func (t turn) event(what, reason string) {
	e := Event{At: t.in.Now, Object: t.Object, What: what, Version: t.New.Version(), Digest: t.New.Module.Digest, Reason: reason}
	if t.Active() {
		e.Step = t.Step + 1
	}
	for _, p := range t.selected() {
		if t.Wants(p.Workload) {
			e.Proxies++
		}
	}
	if b := t.book; len(b.Events) == maxEvents {
		b.Events = slices.Delete(b.Events, 0, 1)
	}
	t.book.Events, t.book.fresh = append(t.book.Events, e), append(t.book.fresh, e)
}
