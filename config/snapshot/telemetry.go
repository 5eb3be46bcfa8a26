package snapshot

import (
	"slices"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

var telemetryStep = step{
	name:  "telemetry",
	kinds: []string{"TelemetryBackend", "TelemetryRule"},
	reads: func(d *draft) []any {
		return []any{d.settings, listID(d.snap.Workloads), listID(d.snap.Attributes)}
	},
	run: (*draft).resolveTelemetry,
	share: func(d *draft, p *Result) {
		s, e := d.snap, p.Snapshot
		s.Telemetry = shared(s.Telemetry, e.Telemetry, func(v *model.TelemetryRule) model.Ref { return v.Object })
		s.Backends = shared(s.Backends, e.Backends, func(v *model.TelemetryBackend) model.Ref { return v.Object })
	},
	outputs: func(d *draft) []any { return []any{&d.snap.Telemetry, &d.snap.Backends} },
}

func (d *draft) resolveTelemetry() {
	d.byAge(d.backend)
	d.telemetry()
	slices.SortStableFunc(d.snap.Backends, func(a, b *model.TelemetryBackend) int { return a.Object.Compare(b.Object) })
}

// backend adds a TelemetryBackend.
func (d *draft) backend(e *crds.Entry) {
	if e.Content.Backend == nil {
		return
	}
	b := *e.Content.Backend
	if b.Type == model.BackendPrometheus {
		if other, taken := d.listens[b.Endpoint]; taken {
			d.problem(e, model.Error, model.CodePort, "spec.prometheus.listen", "choose another port", "%s listens on %s already", other, b.Endpoint)
			return
		}
		d.listens[b.Endpoint] = e.Ref
	}
	d.backends[e.Ref.Key()] = true
	d.snap.Backends = append(d.snap.Backends, &b)
}

// telemetry adds the rules, which name backends and attributes.
func (d *draft) telemetry() {
	var x *expressions
	d.each(func(e *crds.Entry) {
		if e.Content.Telemetry == nil {
			return
		}
		if x == nil {
			x = newExpressions(d.snap.Attributes, nil)
		}
		r := *e.Content.Telemetry
		r.Selector = d.selector(e, r.Selector)
		r.Backends = d.backendKeys(e, r.Backends)
		d.checkRule(e, r, x)
		d.snap.Telemetry = append(d.snap.Telemetry, &r)
	})
}

// backendKeys looks in the rule's namespace, then in the root namespace.
func (d *draft) backendKeys(e *crds.Entry, names []string) []string {
	out := slices.Clone(names)
	for i, name := range names {
		found := false
		for _, ns := range []string{e.Ref.Namespace, d.snap.Mesh.RootNamespace} {
			ns, n := model.ParseKey(name, ns)
			if key := ns + "/" + n; !found && d.backends[key] {
				out[i], found = key, true
			}
		}
		if !found {
			d.problem(e, model.Error, model.CodeUnresolvedHost, item("spec.backends", i), "declare a TelemetryBackend", "there is no backend %s", name)
		}
	}
	return out
}

func (d *draft) checkRule(e *crds.Entry, r model.TelemetryRule, x *expressions) {
	report := func(field string, err error) {
		if err != nil {
			d.problem(e, model.Error, model.CodeBadExpression, field, x.hint(err), "%v", err)
		}
	}
	if r.Match != "" {
		report("spec.match", x.condition(r.Match))
	}
	for i, m := range r.Metrics {
		field := item("spec.metrics", i)
		if m.Value != "" {
			report(field+".value", x.number(m.Value))
		}
		for _, l := range m.Labels {
			report(field+".labels."+l.Name, x.value(l.Value))
		}
	}
	for i, l := range r.Logs {
		for _, f := range l.Fields {
			report(item("spec.logs", i)+".fields."+f.Name, x.value(f.Value))
		}
	}
}
