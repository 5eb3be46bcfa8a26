package explain

import "github.com/krater-mesh/krater/model"

// Record is what a TelemetryRule takes down of a request, once answered.
type Record struct {
	Rule     string   `json:"rule"`           // "TelemetryRule namespace/name"
	When     string   `json:"when,omitempty"` // CEL that decides; empty: always
	Metrics  []string `json:"metrics,omitempty"`
	Logs     []string `json:"logs,omitempty"`
	Backends []string `json:"backends,omitempty"`
}

// records lists the rules of a proxy. They hold for requests that were
// refused, too. Their match may read the response: it is not evaluated.
func (p *passage) records() {
	for _, rule := range p.e.snap.Telemetry {
		if !rule.Selector.Matches(p.w) {
			continue
		}
		p.step(Step{Slot: "access-log", Record: record(*rule)})
	}
}

func record(rule model.TelemetryRule) *Record {
	r := &Record{Rule: rule.Object.String(), When: rule.Match, Backends: rule.Backends}
	for _, m := range rule.Metrics {
		r.Metrics = append(r.Metrics, m.Name)
	}
	for _, l := range rule.Logs {
		r.Logs = append(r.Logs, l.Name)
	}
	return r
}
