package registrar

import (
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
	if err := m.write(); err != nil {
		m.registration.Health = before
		r.o.Logger.Error("a registered workload's health is not kept", "workload", id, "reason", err)
	} else if before == nil || before.Healthy != healthy {
		r.o.Logger.Info("a registered workload's health changed", "workload", id, "healthy", healthy, "detail", message)
	}
	return true
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
