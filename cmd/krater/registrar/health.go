package registrar

import (
	"time"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// maxMessage bounds what an agent says of its application.
const maxMessage = 1 << 10

// Health takes in what an agent says of its application. It tells whether the
// workload is one that registered itself: another's health is not asked for.
func (r *Registrar) Health(id string, healthy bool, message string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	m, ok := r.members[id]
	if !ok || m.registration.Group == nil {
		return false
	}
	if len(message) > maxMessage {
		message = message[:maxMessage]
	}
	before := m.registration.Health
	if before != nil && before.Healthy == healthy && before.Message == message {
		return true
	}
	next := &crds.Health{Healthy: healthy, Message: message, Since: r.o.Now()}
	if before != nil && before.Healthy == healthy {
		next.Since = before.Since
	}
	m.registration.Health = next
	if !m.reports.take(r.o.Now()) {
		r.writeLater(m)
		return true
	}
	if err := m.write(); err != nil {
		m.registration.Health = before
		r.o.Logger.Error("a registered workload's health is not kept", "workload", id, "reason", err)
	} else if before == nil || before.Healthy != healthy {
		r.o.Logger.Info("a registered workload's health changed", "workload", id, "healthy", healthy, "detail", message)
	}
	return true
}

// What a member may say of itself at once, and how soon again: each report
// that says something new has the mesh's configuration built anew.
const (
	reportsAtOnce = 10
	reportsEvery  = time.Second
)

// reports counts a member's.
type reports struct {
	left float64
	at   time.Time
}

func (r *reports) take(now time.Time) bool {
	if r.at.IsZero() {
		r.left = reportsAtOnce
	} else {
		r.left = min(reportsAtOnce, r.left+float64(now.Sub(r.at))/float64(reportsEvery))
	}
	r.at = now
	if r.left < 1 {
		return false
	}
	r.left--
	return true
}

// writeLater writes what a member said last, once it may say something again.
// It needs r.mu.
func (r *Registrar) writeLater(m *member) {
	if m.later != nil {
		return
	}
	m.later = time.AfterFunc(reportsEvery, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		m.later = nil
		if r.closed || r.members[m.id] != m {
			return
		}
		if err := m.write(); err != nil {
			r.o.Logger.Error("a registered workload's health is not kept", "workload", m.id, "reason", err)
		}
	})
}

// SetGroups says which groups are declared from now on. Their members become
// what the group says now; those of no group are not registered any more.
func (r *Registrar) SetGroups(groups []*model.WorkloadGroup) {
	declared := make(map[model.Ref]*model.WorkloadGroup, len(groups))
	for _, g := range groups {
		declared[model.Ref{Kind: "WorkloadGroup", Namespace: g.Object.Namespace, Name: g.Object.Name}] = g
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.members {
		g := declared[model.Ref{Kind: "WorkloadGroup", Namespace: m.group.Namespace, Name: m.group.Name}]
		if g == nil {
			r.remove(m, "its WorkloadGroup is gone")
			continue
		}
		if m.registration.Group == g {
			continue
		}
		m.registration.Group = g
		if err := m.write(); err != nil {
			r.o.Logger.Error("a registered workload is not brought up to date", "workload", m.id, "reason", err)
		}
	}
}
