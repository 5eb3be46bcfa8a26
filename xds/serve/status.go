package serve

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// State is where a proxy stands with one resource type.
type State string

// The states, as `krater status` shows them.
const (
	StateSynced  State = "SYNCED"   // all it asked for is acknowledged
	StateStale   State = "STALE"    // something is unsent or unacknowledged
	StateNack    State = "NACK"     // something was refused; the last good stays
	StateNotSent State = "NOT_SENT" // it did not ask, or has no set
)

// ClientStatus is where one proxy stands.
type ClientStatus struct {
	Node      string                `json:"node"`
	Connected bool                  `json:"connected"`
	Known     bool                  `json:"known"` // a set was published for it
	Since     time.Time             `json:"since"` // of the connection, or of its end; zero: never seen
	Types     map[string]TypeStatus `json:"types"` // by type URL
}

// TypeStatus is where a proxy stands with one type.
type TypeStatus struct {
	State   State     `json:"state"`
	Detail  string    `json:"detail,omitempty"` // why it is not SYNCED
	Refused []string  `json:"refused,omitempty"`
	Details []string  `json:"details,omitempty"` // why, for each that is refused
	Version string    `json:"version,omitempty"` // of all resources of the type in the set
	Count   int       `json:"count"`             // resources acknowledged
	Acked   time.Time `json:"acked"`             // last acknowledgement, zero if none
}

// status describes every type that the proxy asked for or that its set has.
func (s *session) status() map[string]TypeStatus {
	out := map[string]TypeStatus{}
	if s.set != nil {
		for typeURL, g := range s.set.groups {
			out[typeURL] = TypeStatus{State: StateNotSent, Detail: "not asked for", Version: g.version()}
		}
	}
	for typeURL, t := range s.types {
		if s.set == nil {
			out[typeURL] = TypeStatus{State: StateNotSent, Detail: "nothing is published for this node"}
			continue
		}
		out[typeURL] = t.status(s.set.group(typeURL))
	}
	return out
}

// status is where the subscription stands.
func (s *subscription) status(g *group) TypeStatus {
	st := TypeStatus{State: StateSynced, Version: g.version(), Acked: s.acked, Count: s.has.count()}
	st.Refused = slices.Sorted(maps.Keys(s.refused))
	switch {
	case len(s.refused) > 0:
		st.State = StateNack
		var details []string
		for _, name := range st.Refused {
			st.Details = append(st.Details, s.refused[name].detail)
			details = append(details, name+": "+s.refused[name].detail)
		}
		st.Detail = strings.Join(details, "; ")
	case s.flight != nil:
		st.State, st.Detail = StateStale, "waiting for the acknowledgement"
	case s.waiting:
		st.State, st.Detail = StateStale, "waiting for another type's acknowledgement"
	case s.removing:
		st.State, st.Detail = StateStale, "removals wait for what may refer to them"
	}
	return st
}
