package crds

import (
	"regexp"
	"sort"

	"github.com/krater-mesh/krater/model"
)

// TelemetryRuleSpec declares what is recorded, and where it goes.
type TelemetryRuleSpec struct {
	Selector Selector     `json:"selector"`
	Match    string       `json:"match"` // CEL; empty: every request
	Metrics  []MetricSpec `json:"metrics"`
	Logs     []LogSpec    `json:"logs"`
	// Decisions records each decision with what its policy read.
	Decisions *DecisionLogSpec `json:"decisions"`
	Backends  []string         `json:"backends"` // NAME or NAMESPACE/NAME
}

// MetricSpec is a metric that the proxies count.
type MetricSpec struct {
	Name   string            `json:"name"`
	Type   string            `json:"type"`  // counter, histogram
	Value  string            `json:"value"` // an attribute; "1" where empty
	Unit   string            `json:"unit"`
	Labels map[string]string `json:"labels"` // name: attribute or expression
}

// LogSpec is a record of each matching request.
type LogSpec struct {
	Name   string            `json:"name"`
	Fields map[string]string `json:"fields"` // name: attribute or expression
}

var (
	metricName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
	logName    = regexp.MustCompile(`^[a-zA-Z0-9_]([-a-zA-Z0-9_.]*[a-zA-Z0-9_])?$`)
)

// Validate reports what is wrong with the form; expressions are checked when
// all attributes are known.
func (s *TelemetryRuleSpec) Validate() model.Problems {
	r := &report{object: &Object{}}
	if len(s.Metrics)+len(s.Logs) == 0 && s.Decisions == nil {
		r.missing("spec", "a rule has metrics, logs or decisions")
	}
	if s.Decisions != nil {
		s.Decisions.validate(r)
		if s.Match != "" {
			r.bad("spec.match", "decisions are not only the proxies': leave some out by spec.decisions.drop")
		}
	}
	if len(s.Backends) == 0 {
		r.missing("spec.backends", "a rule names the backends that its records go to")
	}
	seen := map[string]bool{}
	for i, m := range s.Metrics {
		m.validate(r, index("spec.metrics", i))
		if seen[m.Name] {
			r.bad(index("spec.metrics", i)+".name", "the metric %s is declared twice", m.Name)
		}
		seen[m.Name] = true
	}
	logs := map[string]bool{}
	for i, l := range s.Logs {
		at := index("spec.logs", i)
		if !logName.MatchString(l.Name) {
			r.bad(at+".name", "%q is no name of a log", l.Name)
		}
		if logs[l.Name] {
			r.bad(at+".name", "the log %s is declared twice", l.Name)
		}
		logs[l.Name] = true
		validateNames(r, l.Fields, at+".fields")
	}
	return r.problems
}

func (m *MetricSpec) validate(r *report, at string) {
	if !metricName.MatchString(m.Name) {
		r.bad(at+".name", "%q is no name of a metric: letters, digits and _", m.Name)
	}
	r.oneOf(m.Type, at+".type", "counter", "histogram")
	if m.Type == "histogram" && (m.Value == "" || m.Value == "1") {
		r.missing(at+".value", "a histogram needs a value, for example request.duration")
	}
	for name := range m.Labels {
		if !metricName.MatchString(name) {
			r.bad(join(at+".labels", name), "%q is no name of a label: letters, digits and _", name)
		}
	}
	validateNames(r, m.Labels, at+".labels")
}

func validateNames(r *report, values map[string]string, field string) {
	for name, v := range values {
		if v == "" {
			r.missing(join(field, name), "it has no value")
		}
	}
}

func convertTelemetryRule(c *conversion) Content {
	in := &TelemetryRuleSpec{}
	if !c.read(in) {
		return Content{}
	}
	c.include(in.Validate())
	out := &model.TelemetryRule{Object: c.object.Ref, Match: in.Match, Backends: in.Backends,
		Selector: c.selector(in.Selector.MatchLabels, "spec.selector.matchLabels")}
	for _, m := range in.Metrics {
		metric := model.Metric{Name: m.Name, Kind: model.MetricKind(m.Type), Value: m.Value, Unit: m.Unit, Labels: expressions(m.Labels)}
		if metric.Value == "1" {
			metric.Value = ""
		}
		out.Metrics = append(out.Metrics, metric)
	}
	out.Decisions = in.Decisions.log(c.object.Ref.Namespace)
	for _, l := range in.Logs {
		out.Logs = append(out.Logs, model.Log{Name: l.Name, Fields: expressions(l.Fields)})
	}
	return Content{Telemetry: out}
}

func expressions(values map[string]string) []model.Expression {
	var out []model.Expression
	for name, v := range values {
		out = append(out, model.Expression{Name: name, Value: v})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}
