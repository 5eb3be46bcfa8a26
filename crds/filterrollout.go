package crds

import (
	"github.com/krater-mesh/krater/model"
)

// FilterRolloutSpec is how a new version comes to the proxies.
type FilterRolloutSpec struct {
	Steps  []RolloutStepSpec `json:"steps"` // after the last: all
	Guards GuardsSpec        `json:"guards"`
}

// RolloutStepSpec gives the new version to a share of the proxies.
type RolloutStepSpec struct {
	Percent float64           `json:"percent"`
	Labels  map[string]string `json:"labels"`
	Pause   model.Duration    `json:"pause"` // how long it must go well
}

// GuardsSpec are what may not get worse; what is absent is not watched.
type GuardsSpec struct {
	MinRequests int32    `json:"minRequests"` // before a ratio says anything
	ErrorRatio  *float64 `json:"errorRatio"`  // 5xx ÷ requests: this much above the old
	LatencyP99  *float64 `json:"latencyP99"`  // times the old
	CPU         *float64 `json:"cpu"`         // per request, times the old
	Memory      *float64 `json:"memory"`      // of the proxy, times the old
	Traps       *int32   `json:"traps"`       // more than these
}

func (s *FilterRolloutSpec) validate(r *report) {
	if len(s.Steps) == 0 {
		r.missing("spec.rollout.steps", "a rollout has steps, like {percent: 10, pause: 5m}")
	}
	last := 0.0
	for i, step := range s.Steps {
		at := index("spec.rollout.steps", i)
		switch {
		case step.Percent == 0 && len(step.Labels) == 0:
			r.missing(at, "which proxies? give percent or labels")
		case step.Percent < 0 || step.Percent > 100:
			r.bad(at+".percent", "want a number from 0 to 100, got %v", step.Percent)
		case step.Percent > 0 && step.Percent <= last:
			r.bad(at+".percent", "want more than the step before, %v", last)
		}
		if step.Percent > 0 {
			last = step.Percent
		}
		if step.Pause < 0 {
			r.bad(at+".pause", "want a positive duration")
		}
	}
	g, at := s.Guards, "spec.rollout.guards"
	if g.MinRequests < 0 {
		r.bad(at+".minRequests", "want 0 or more")
	}
	if g.Traps != nil && *g.Traps < 0 {
		r.bad(at+".traps", "want 0 or more")
	}
	if g.ErrorRatio != nil && (*g.ErrorRatio < 0 || *g.ErrorRatio > 1) {
		r.bad(at+".errorRatio", "want a share from 0 to 1, got %v", *g.ErrorRatio)
	}
	for name, times := range map[string]*float64{"latencyP99": g.LatencyP99, "cpu": g.CPU, "memory": g.Memory} {
		if times != nil && *times < 1 {
			r.bad(at+"."+name, "want 1 or more: how many times the old version's it may be, got %v", *times)
		}
	}
}

func (s *FilterRolloutSpec) convert() *model.Rollout {
	if s == nil {
		return nil
	}
	out := &model.Rollout{Guards: model.Guards{MinRequests: int64(s.Guards.MinRequests), ErrorRatio: s.Guards.ErrorRatio,
		LatencyP99: s.Guards.LatencyP99, CPU: s.Guards.CPU, Memory: s.Guards.Memory}}
	if s.Guards.Traps != nil {
		traps := int64(*s.Guards.Traps)
		out.Guards.Traps = &traps
	}
	for _, step := range s.Steps {
		out.Steps = append(out.Steps, model.RolloutStep{Percent: step.Percent, Labels: step.Labels, Pause: step.Pause})
	}
	return out
}

// bytes reads an amount of memory, like 64Mi.
func (r *report) bytes(text, field string) int64 {
	n, ok := parseSize(text)
	if text != "" && (!ok || n == 0 || n > 1<<32) {
		r.bad(field, "want an amount of memory of at most 4Gi, like 64Mi")
	}
	return n
}
