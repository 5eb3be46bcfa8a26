package snapshot

import (
	"fmt"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

var policiesStep = step{
	name:  "policies",
	kinds: []string{"AuthorizationPolicy", "RegoPolicy", "AccessList", "RateLimit", "Filter", "WasmPlugin", "TrafficExtension", "AttributeSet"},
	reads: func(d *draft) []any {
		return []any{d.settings, listID(d.snap.Workloads), listID(d.snap.Groups), d.secrets, d.attachedServices()}
	},
	run: func(d *draft) {
		d.each(d.policy)
		d.attributeReferences()
		d.lowerPolicies()
		d.sortSecretValues()
	},
	share: func(d *draft, p *Result) {
		s, e := d.snap, p.Snapshot
		type key struct {
			object model.Ref
			name   string
		}
		s.Authorization = shared(s.Authorization, e.Authorization, func(v *model.AuthorizationPolicy) model.Ref { return v.Object })
		s.AccessLists = shared(s.AccessLists, e.AccessLists, func(v *model.AccessList) model.Ref { return v.Object })
		s.Rego = shared(s.Rego, e.Rego, func(v *model.RegoPolicy) model.Ref { return v.Object })
		s.Limits = shared(s.Limits, e.Limits, func(v *model.Limit) key { return key{v.Object, v.Name} })
		s.Filters = shared(s.Filters, e.Filters, func(v *model.FilterBinding) model.Ref { return v.Object })
		s.SecretValues = shared(s.SecretValues, e.SecretValues, func(v *model.SecretValue) model.SecretRef { return v.Ref() })
		s.Attributes = shared(s.Attributes, e.Attributes, func(v *model.AttributeSet) model.Ref { return v.Object })
	},
	outputs: func(d *draft) []any {
		s := d.snap
		return []any{&s.Authorization, &s.Rego, &s.AccessLists, &s.Limits, &s.Filters, &s.SecretValues, &s.Attributes}
	},
}

// policy adds what selects workloads and refers to nothing else.
func (d *draft) policy(e *crds.Entry) {
	c := e.Content
	switch {
	case c.Authorization != nil:
		d.authorization(e)
	case c.AccessList != nil:
		l := *c.AccessList
		l.Selector = d.selector(e, l.Selector)
		d.snap.AccessLists = append(d.snap.AccessLists, &l)
	case c.Rego != nil:
		p := *c.Rego
		p.Selector = d.selector(e, p.Selector)
		d.snap.Rego = append(d.snap.Rego, &p)
	case c.Filter != nil:
		f := *c.Filter
		if len(f.Gateways) == 0 {
			f.Selector = d.selector(e, f.Selector)
		} else if !slices.ContainsFunc(d.snap.Workloads, f.Selects) { // targets are of its own namespace, the root's, too
			d.problem(e, model.Warning, model.CodeSelectsNothing, "spec.targetRefs", "", "no workload has the label "+model.GatewayNameLabel+" with the name of one of these Gateways")
		}
		d.secretValues(e, &f)
		d.snap.Filters = append(d.snap.Filters, &f)
	case c.Attributes != nil:
		d.attributeSet(e)
	case c.Limits != nil:
		for i, l := range c.Limits.Items {
			if i == 0 {
				l.Selector = d.selector(e, l.Selector)
			} else {
				l.Selector = d.scope(e, l.Selector)
			}
			d.snap.Limits = append(d.snap.Limits, &l)
		}
	}
}

// scope lets objects of the root namespace select everywhere.
func (d *draft) scope(e *crds.Entry, s model.Selector) model.Selector {
	if e.Ref.Namespace == d.snap.Mesh.RootNamespace {
		s.Namespace = ""
	}
	return s
}

// selector is scope, and warns where it selects nothing.
func (d *draft) selector(e *crds.Entry, s model.Selector) model.Selector {
	s = d.scope(e, s)
	for _, w := range d.snap.Workloads {
		if s.Matches(w) {
			return s
		}
	}
	if len(d.snap.Workloads) > 0 && !d.mayRegister(s.Namespace, s.Labels) {
		field := "spec.selector"
		if e.Ref.Kind == "EnvoyFilter" {
			field = "spec.workloadSelector"
		}
		d.problem(e, model.Warning, model.CodeSelectsNothing, field, "", "it selects no workload")
	}
	return s
}

func portsOf(s model.Service) string {
	var out []string
	for _, p := range s.Ports {
		out = append(out, fmt.Sprint(p.Number))
	}
	return "it has " + strings.Join(out, ", ")
}
