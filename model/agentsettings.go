package model

import "time"

// DefaultDrain is how long a proxy that ends waits for its connections.
const DefaultDrain = 5 * time.Second

// AgentSettings are what an agent does for its application.
type AgentSettings struct {
	Probe   *Probe      `json:"probe,omitempty"` // nil: the workload is always well
	Metrics *AppMetrics `json:"metrics,omitempty"`
	Drain   Duration    `json:"drain"`
}

// AgentSettings gives those of a workload.
func (s *Snapshot) AgentSettings(w Workload) AgentSettings {
	out := AgentSettings{Metrics: w.Metrics, Drain: Duration(DefaultDrain)}
	if s.Mesh.Drain != nil {
		out.Drain = *s.Mesh.Drain
	}
	if g := s.Group(w.Namespace, w.Group); g != nil {
		out.Probe = g.Probe
	}
	return out
}

// Group finds a WorkloadGroup; nil: there is none.
func (s *Snapshot) Group(namespace, name string) *WorkloadGroup {
	for _, g := range s.Groups {
		if g.Object.Namespace == namespace && g.Object.Name == name {
			return g
		}
	}
	return nil
}
