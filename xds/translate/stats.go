package translate

import (
	"fmt"

	statsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/stats/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

const (
	// statsPrefix begins the name of every declared metric: only such leave
	// the proxy.
	statsPrefix = "krater"
	// The most label combinations of a rule's metrics that one proxy keeps in
	// one chain; more are dropped, and Envoy counts the drops.
	maxCounters   = 2000
	maxHistograms = 500
)

// ruleStats counts a rule's metrics natively. A metric travels as
// krater.NAMESPACE/RULE/METRIC; the collector gives it its public name.
func (p *proxy) ruleStats(rule model.TelemetryRule, c chain) *statsv3.Config {
	out := &statsv3.Config{StatsScope: &typev3.Scope{
		Prefix: statsPrefix, MaxCounters: wrapperspb.UInt32(maxCounters), MaxHistograms: wrapperspb.UInt32(maxHistograms),
	}}
	for _, m := range rule.Metrics {
		field := "spec.metrics[" + m.Name + "]"
		stat := &statsv3.Config_Stat{Name: rule.Object.Key() + "/" + m.Name}
		for i, l := range m.Labels {
			if f, ok := p.format(l.Value, c, rule.Object, fmt.Sprintf("%s.labels[%d]", field, i)); ok {
				stat.Tags = append(stat.Tags, &statsv3.Config_Tag{Name: l.Name, ValueFormat: f})
			}
		}
		value := ""
		if m.Value != "" && m.Value != "1" {
			var ok bool
			if value, ok = p.format(m.Value, c, rule.Object, field+".value"); !ok {
				continue
			}
		}
		switch {
		case m.Kind == model.Histogram && value == "":
			p.problem(model.Error, model.CodeMissing, rule.Object, field+".value", "a histogram needs a value", "say which: request.duration, response.size, ...")
		case m.Kind == model.Histogram:
			out.Histograms = append(out.Histograms, &statsv3.Config_Histogram{Stat: stat, Unit: unit(m), ValueFormat: value})
		case value == "":
			out.Counters = append(out.Counters, &statsv3.Config_Counter{Stat: stat, ValueFixed: wrapperspb.UInt64(1)})
		default:
			out.Counters = append(out.Counters, &statsv3.Config_Counter{Stat: stat, ValueFormat: value})
		}
	}
	if len(out.Counters)+len(out.Histograms) == 0 {
		return nil
	}
	return out
}

// unit is what the proxy measures in; durations are always milliseconds.
func unit(m model.Metric) statsv3.Config_Histogram_Unit {
	switch m.Value {
	case "request.duration":
		return statsv3.Config_Histogram_Milliseconds
	case "request.size", "request.total_size", "response.size", "response.total_size":
		return statsv3.Config_Histogram_Bytes
	}
	return statsv3.Config_Histogram_Unspecified
}
